//! Comments are narrow enough to be read beside the code.

use std::fs;
use std::path::Path;

const ROOTS: [&str; 2] = ["../src", "."];
const COLUMNS: usize = 110;

/// Hands on every Rust file below a folder.
fn each_source(folder: &Path, look: &mut impl FnMut(&Path, &str)) {
    for entry in fs::read_dir(folder).expect("a readable folder") {
        let path = entry.expect("a readable entry").path();
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        if path.is_dir() && !matches!(name, "target" | "node_modules") {
            each_source(&path, look);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            look(&path, &fs::read_to_string(&path).expect("readable source"));
        }
    }
}

/// The lines of comments that are too wide. Tables, drawings and addresses cannot be wrapped.
fn wide_lines(text: &str) -> Vec<usize> {
    let (mut wide, mut is_drawing) = (Vec::new(), false);
    for (number, line) in text.lines().enumerate() {
        let Some(comment) = line.trim_start().strip_prefix("//") else {
            is_drawing = false;
            continue;
        };
        let comment = comment.trim_start_matches(['/', '!']).trim();
        is_drawing ^= comment.starts_with("```");
        let is_address = comment.contains("://") && !comment.contains(' ');
        if !is_drawing && !is_address && !comment.starts_with('|') && line.chars().count() > COLUMNS {
            wide.push(number + 1);
        }
    }
    wide
}

#[test]
fn comments_are_wrapped() {
    let (mut count, mut wide) = (0, Vec::new());
    for root in ROOTS {
        each_source(&Path::new(env!("CARGO_MANIFEST_DIR")).join(root), &mut |path, text| {
            count += 1;
            wide.extend(wide_lines(text).into_iter().map(|line| format!("{}:{line}", path.display())));
        });
    }
    assert!(count > 500, "the sources were not found: {count}");
    assert!(wide.is_empty(), "wider than {COLUMNS} columns: {wide:#?}");
}

#[test]
fn lines_that_cannot_be_wrapped_may_be_wide() {
    let long = "x".repeat(COLUMNS);
    let text = format!(
        "// {long}\n//! | {long} |\n/// ```text\n/// {long}\n/// ```\n/// a {long}\nlet a = \"{long}\";"
    );
    assert_eq!(wide_lines(&text), [1, 6]);
    assert_eq!(wide_lines(&format!("// https://{long}")), [0; 0]);
}
