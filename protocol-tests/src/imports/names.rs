/// A path of a module or an item: its parts, from the root of the crate or as they are written.
pub(super) type Path = Vec<String>;

/// A name that a file takes from elsewhere.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Use {
    pub(super) path: Path,
    /// The name in the file.
    pub(super) name: String,
    /// Whether the file re-exports it.
    pub(super) is_public: bool,
}

/// The `use` declarations of this code, one for each name, and every other path of more than one part.
pub(super) fn names(code: &str) -> (Vec<Use>, Vec<Path>) {
    let (mut uses, mut others) = (Vec::new(), String::new());
    for statement in code.split_inclusive(';') {
        match declaration(statement) {
            Some((before, is_public, tree)) => {
                others.push_str(before);
                expand(Vec::new(), tree, is_public, &mut uses);
            }
            None => others.push_str(statement),
        }
    }
    (uses, paths(&others))
}

/// The text before a `use` at the end of this statement, whether it is public, and its tree.
fn declaration(statement: &str) -> Option<(&str, bool, &str)> {
    let word = |(at, _): &(usize, &str)| {
        let before = statement[..*at].chars().next_back();
        before.is_none_or(|before| before.is_whitespace())
    };
    let (at, _) = statement.match_indices("use ").filter(word).last()?;
    let line = statement[..at].rsplit('\n').next().unwrap_or_default().trim_start();
    let is_declaration = line.is_empty() || line.starts_with("pub");
    let tree = statement[at + 4..].trim_end_matches(';');
    is_declaration.then_some((&statement[..at - line.len()], line.starts_with("pub"), tree))
}

fn expand(before: Path, tree: &str, is_public: bool, uses: &mut Vec<Use>) {
    for part in parts(tree) {
        let (path, group) = part.split_once('{').map_or((part, None), |(path, rest)| (path, Some(rest)));
        let (path, name) = path.split_once(" as ").unwrap_or((path, ""));
        let named = path.split("::").map(|name| name.trim().to_owned()).filter(|name| !name.is_empty());
        let mut whole: Path = before.iter().cloned().chain(named).collect();
        if let Some(group) = group {
            expand(whole, group.trim_end().trim_end_matches('}'), is_public, uses);
            continue;
        }
        // `{self}` is the module itself.
        if whole.len() > 1 && whole.last().is_some_and(|last| last == "self") {
            whole.pop();
        }
        let name =
            if name.is_empty() { whole.last().cloned().unwrap_or_default() } else { name.trim().to_owned() };
        uses.push(Use { path: whole, name, is_public });
    }
}

/// The parts of a group, split at the commas outside of inner groups.
fn parts(tree: &str) -> Vec<&str> {
    let (mut depth, mut parts, mut start) = (0, Vec::new(), 0);
    for (at, sign) in tree.char_indices() {
        match sign {
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 0 => {
                parts.push(&tree[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    parts.push(&tree[start..]);
    parts.into_iter().map(str::trim).filter(|part| !part.is_empty()).collect()
}

fn paths(code: &str) -> Vec<Path> {
    let is_part = |sign: char| sign.is_alphanumeric() || sign == '_' || sign == ':';
    let words = code.split(|sign| !is_part(sign)).filter(|word| word.contains("::"));
    words
        .map(|word| word.split("::").filter(|part| !part.is_empty()).map(str::to_owned).collect::<Path>())
        .filter(|path| path.len() > 1)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_declaration_is_a_name_for_each() {
        let code = "use crate::a::{self, b::{C, D as E}, f};\npub(super) use g::*;\nfn h() { i::j(); }\n";
        let (uses, paths) = names(code);
        let told = uses.iter().map(|one| format!("{} {} {}", one.path.join("::"), one.name, one.is_public));
        let expected = [
            "crate::a a false",
            "crate::a::b::C C false",
            "crate::a::b::D E false",
            "crate::a::f f false",
            "g::* * true",
        ];
        assert_eq!(told.collect::<Vec<_>>(), expected);
        assert_eq!(paths, [["i", "j"]]);
    }
}
