use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path as FilePath;

use super::circle::Needs;
use super::code::code;
use super::names::{Path, Use, names};

/// How many re-exports are followed in a row.
const DEPTH: u32 = 8;

/// The files of a crate by their modules.
#[derive(Debug, Default)]
pub(super) struct Tree {
    files: BTreeMap<Path, File>,
}

#[derive(Debug)]
struct File {
    uses: Vec<Use>,
    paths: Vec<Path>,
}

/// The module in whose file an item is, and whether the item is that module itself.
struct Found {
    module: Path,
    is_module: bool,
}

impl Tree {
    pub(super) fn read(folder: &FilePath) -> Self {
        let mut tree = Self::default();
        tree.collect(folder, &Vec::new());
        tree
    }

    /// Reads the files below a folder. Programs beside a library are crates of their own.
    fn collect(&mut self, folder: &FilePath, above: &Path) {
        for entry in fs::read_dir(folder).expect("a folder of sources") {
            let path = entry.expect("a readable entry").path();
            let name = path.file_stem().and_then(|name| name.to_str()).expect("a name").to_owned();
            let module = [&above[..], std::slice::from_ref(&name)].concat();
            if path.is_dir() {
                if !matches!(name.as_str(), "bin" | "contract" | "tests" | "testdata") {
                    self.collect(&path, &module);
                }
            } else if path.extension().is_some_and(|ending| ending == "rs") && name != "tests" {
                let is_root = match name.as_str() {
                    "lib" | "mod" => true,
                    // A program beside a library names the library, and is named by no other file.
                    "main" if folder.join("lib.rs").exists() => continue,
                    name => name == "main",
                };
                self.add(if is_root { above.clone() } else { module }, &path);
            }
        }
    }

    fn add(&mut self, module: Path, path: &FilePath) {
        let (uses, paths) = names(&code(&fs::read_to_string(path).expect("readable source")));
        self.files.insert(module, File { uses, paths });
    }

    /// The files that each file needs.
    pub(super) fn needs(&self) -> Needs {
        let mut needs = Needs::new();
        for (module, file) in &self.files {
            let taken = file.uses.iter().filter(|one| !one.is_public);
            let taken = taken.filter_map(|one| self.find(module, &one.path, DEPTH));
            let found = taken.chain(file.paths.iter().filter_map(|path| self.find_path(module, file, path)));
            // A module named as a whole is not counted: the paths through it tell which files are needed.
            let needed = found.filter(|found| !found.is_module && found.module != *module);
            needs.insert(module.clone(), needed.map(|found| found.module).collect::<BTreeSet<_>>());
        }
        needs
    }

    /// The place of the item that a path names; the path may begin with an imported name.
    fn find_path(&self, module: &Path, file: &File, path: &Path) -> Option<Found> {
        match file.uses.iter().find(|one| one.name == path[0]) {
            Some(one) => self.find(module, &[&one.path[..], &path[1..]].concat(), DEPTH),
            None => self.find(module, path, DEPTH),
        }
    }

    /// The place of the item that a module calls by this path; none if it is in another crate.
    fn find(&self, module: &Path, path: &[String], depth: u32) -> Option<Found> {
        let ups = path.iter().take_while(|part| matches!(part.as_str(), "super" | "self"));
        let (mut at, mut rest) = match path.first()?.as_str() {
            "crate" => (Vec::new(), &path[1..]),
            "super" | "self" => {
                let above = ups.clone().filter(|part| *part == "super").count();
                (module[..module.len().checked_sub(above)?].to_vec(), &path[ups.count()..])
            }
            child if self.files.contains_key(&[&module[..], &[child.to_owned()]].concat()) => {
                (module.clone(), path)
            }
            _ => return None,
        };
        while let [next, further @ ..] = rest
            && let below = [&at[..], std::slice::from_ref(next)].concat()
            && self.files.contains_key(&below)
        {
            (at, rest) = (below, further);
        }
        let file = self.files.get(&at)?;
        let Some(name) = rest.first() else { return Some(Found { module: at, is_module: true }) };
        let handed_on = || {
            let depth = depth.checked_sub(1)?;
            let taken = file.uses.iter().find(|one| one.name == *name && one.path != *rest)?;
            self.find(&at, &[&taken.path[..], &rest[1..]].concat(), depth)
        };
        handed_on().or(Some(Found { module: at, is_module: false }))
    }
}
