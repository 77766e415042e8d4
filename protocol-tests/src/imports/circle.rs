use std::collections::{BTreeMap, BTreeSet};

use super::edge::Edge;
use super::names::Path;

/// The files that each file needs.
pub(super) type Needs = BTreeMap<Path, BTreeSet<Path>>;

/// The imports that are part of a circle: from the imported file a path leads back to the importing one.
pub(super) fn edges(needs: &Needs) -> Vec<Edge> {
    let all = needs.iter().flat_map(|(from, all)| all.iter().map(move |to| (from, to)));
    all.filter(|(from, to)| reaches(needs, to, from))
        .map(|(from, to)| Edge { from: from.join("/"), to: to.join("/") })
        .collect()
}

fn reaches(needs: &Needs, start: &Path, end: &Path) -> bool {
    let (mut seen, mut next) = (BTreeSet::from([start]), vec![start]);
    while let Some(file) = next.pop() {
        if file == end {
            return true;
        }
        next.extend(needs.get(file).into_iter().flatten().filter(|needed| seen.insert(*needed)));
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_imports_within_a_circle_are_told() {
        let path = |name: &str| vec![name.to_owned()];
        let needs = [("a", "b"), ("b", "c"), ("c", "a"), ("c", "d"), ("e", "a")];
        let mut all = Needs::new();
        for (from, to) in needs {
            all.entry(path(from)).or_default().insert(path(to));
        }
        let told: Vec<_> = edges(&all).iter().map(ToString::to_string).collect();
        assert_eq!(told, ["a -> b", "b -> c", "c -> a"]);
    }
}
