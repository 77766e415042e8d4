// Runs test programs in two lanes, as most of them wait most of the time: in one lane those whose tests need the
// machine for themselves, one after the other, and in the second one all others.
//
//   cargo test --no-run --message-format=json | node protocol-tests/lanes.mjs [NAME]...
//
// The programs that are named run once more at the end, where the server is nodes behind a balancer. What a program
// prints comes in one piece when it has ended.

import { spawn } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import readline from 'node:readline';

/** What the source of a test says that needs the machine for itself. */
const ALONE = 'alone()';

const namedOnNodes = process.argv.slice(2);
const outputs = fs.mkdtempSync(path.join(os.tmpdir(), 'longhaul-tests-'));
const here = (file) => path.relative(process.cwd(), file);

/** Whether a test of a program needs the machine for itself, by its source, or by what its tests share. */
function isAlone({ source }) {
  const text = fs.readFileSync(source, 'utf8');
  const shared = [...text.matchAll(/^mod (\w+);$/gm)].map(([, name]) => path.join(path.dirname(source), name, 'mod.rs'));
  const texts = [text, ...shared.filter((file) => fs.existsSync(file)).map((file) => fs.readFileSync(file, 'utf8'))];
  return texts.some((one) => one.includes(ALONE));
}

/** The test programs that cargo has built, as `{name, source, program, folder, env}`. */
async function built() {
  const programs = [];
  for await (const line of readline.createInterface({ input: process.stdin })) {
    const { reason, success, executable, profile, target, manifest_path: manifest } = JSON.parse(line);
    if (reason === 'build-finished' && !success) process.exit(1);
    if (reason === 'compiler-artifact' && executable && profile.test) {
      const folder = path.dirname(manifest);
      programs.push({ name: target.name, source: target.src_path, program: executable, folder, env: process.env });
    }
  }
  return programs;
}

/** Runs a program; answers whether all of its tests held. */
function held({ source, program, folder, env }, number) {
  // A file, and no pipe: a process that the program left behind would keep it open.
  const file = path.join(outputs, `${path.basename(program)}-${number}`);
  const output = fs.openSync(file, 'w');
  const began = Date.now();
  const child = spawn(program, { cwd: folder, env, stdio: ['ignore', output, output] });
  return new Promise((resolve) => {
    const end = (outcome) => {
      const seconds = Math.round((Date.now() - began) / 1000);
      console.log(`     Running ${here(source)} (${here(program)}), ${seconds} s\n${fs.readFileSync(file)}`);
      if (outcome !== 0) console.log(`${here(source)}: ${outcome}`);
      fs.closeSync(output);
      resolve(outcome === 0);
    };
    child.once('error', (error) => end(error.message));
    child.once('exit', (code, signal) => end(code ?? signal));
  });
}

/** Runs programs one after the other; answers those that failed. */
async function lane(programs) {
  const failed = [];
  for (const [number, one] of programs.entries()) if (!(await held(one, number))) failed.push(one);
  return failed;
}

const programs = await built();
const onNodes = programs
  .filter(({ name }) => namedOnNodes.includes(name))
  .map((one) => ({ ...one, env: { ...process.env, LONGHAUL_TESTS_CLUSTER: '1' } }));
const lanes = [programs.filter(isAlone), programs.filter((one) => !isAlone(one))];
const failed = [...(await Promise.all(lanes.map(lane))).flat(), ...(await lane(onNodes))];
for (const { name, env } of failed) {
  console.error(`FAILED: ${name}${env.LONGHAUL_TESTS_CLUSTER ? ' on nodes' : ''}`);
}
fs.rmSync(outputs, { recursive: true });
process.exitCode = failed.length > 0 || programs.length === 0 ? 1 : 0;
