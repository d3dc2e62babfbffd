//! Edges between modules: each uses its parent, and the siblings that are declared above it. So a
//! crate reads from the top down, folder by folder, and has no circles.

use std::collections::{BTreeMap, BTreeSet};

use super::{code, sources};

/// A module's path from its crate's root, which is empty.
type Path = Vec<String>;

#[test]
fn modules_use_only_siblings_declared_above_them() {
    let mut wrong = BTreeSet::new();
    for krate in ["protocol", "client", "chat", "bench", "batch-send", "server", "frontend"] {
        let files = files(krate);
        for (path, (file, text)) in &files {
            for used in uses(path, text) {
                let depth = path.iter().zip(&used).take_while(|(own, other)| own == other).count();
                // A use of the module itself, of its parts, or of a module around it.
                if depth == path.len() || depth == used.len() {
                    continue;
                }
                let Some((_, parent)) = files.get(&path[..depth]) else { continue };
                let siblings = children(parent);
                let owner = owner(parent, &used[depth]).unwrap_or(&used[depth]);
                let place = |name: &str| siblings.iter().position(|sibling| *sibling == name);
                let is_above = place(owner).is_none_or(|place_used| place(&path[depth]).is_none_or(|own| place_used <= own));
                if !is_above {
                    wrong.insert(format!("{file} uses {owner}"));
                }
            }
        }
    }
    let wrong: Vec<_> = wrong.into_iter().collect();
    assert!(wrong.is_empty(), "a file uses a module that is declared below it:\n{}", wrong.join("\n"));
}

/// The modules of a crate that are files, by their path, with the file's name and text.
fn files(krate: &str) -> BTreeMap<Path, (String, String)> {
    let source = format!("{krate}/src/");
    let modules = sources("rs").into_iter().filter_map(|(file, text)| {
        let path = file.strip_prefix(&source)?.strip_suffix(".rs")?;
        let path: Path = path.split('/').map(str::to_owned).filter(|name| name != "lib").collect();
        let is_test = path.iter().any(|name| ["tests", "testing", "main"].contains(&name.as_str()));
        (!is_test).then_some((path, (file, text)))
    });
    modules.collect()
}

/// The names of a file's child modules, in reading order.
fn children(text: &str) -> Vec<&str> {
    let declared = code(text).filter_map(|line| {
        let line = line.trim();
        let line = line
            .strip_prefix("pub ")
            .or_else(|| line.strip_prefix("pub(").and_then(|rest| rest.split_once(") "))?.1.into())
            .unwrap_or(line);
        line.strip_prefix("mod ")?.strip_suffix(';')
    });
    declared.collect()
}

/// The child module from which a file re-exports a name.
fn owner<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    children(text).into_iter().find(|child| {
        code(text).any(|line| {
            let used = line.split_once("use ").map_or("", |(_, used)| used.trim_start_matches("self::"));
            let of_child = used.strip_prefix(child).and_then(|rest| rest.strip_prefix("::"));
            of_child.is_some_and(|names| names.split(|c: char| !is_name(c)).any(|other| other == name))
        })
    })
}

/// The paths in the module's own crate that a file names.
fn uses(module: &[String], text: &str) -> Vec<Path> {
    let code: String = code(text).flat_map(str::chars).filter(|c| !c.is_whitespace()).collect();
    let mut found = Vec::new();
    for (start, _) in code.match_indices("crate::").chain(code.match_indices("super::")) {
        let is_inside = code[..start].ends_with("super::") || code[..start].ends_with("in");
        if is_inside {
            continue;
        }
        let ups = code[start..].split("::").take_while(|part| *part == "super").count();
        let base = if ups == 0 { &[][..] } else { &module[..module.len().saturating_sub(ups)] };
        let mut rest = &code[start + ups.max(1) * "crate::".len()..];
        found.extend(read_paths(base, &mut rest));
    }
    found
}

/// Takes a path such as `a::{b, c::d}` off the start of `text`. Returns all that it names, with
/// `base` before each.
fn read_paths(base: &[String], text: &mut &str) -> Vec<Path> {
    if let Some(inside) = text.strip_prefix('{') {
        let mut found = Vec::new();
        *text = inside;
        while !text.is_empty() && !text.starts_with('}') {
            found.extend(read_paths(base, text));
            *text = text.split_once([',', '}']).map_or("", |(skipped, _)| &text[skipped.len()..]).trim_start_matches(',');
        }
        *text = text.strip_prefix('}').unwrap_or(text);
        return found;
    }
    let (name, rest) = text.split_at(text.find(|c| !is_name(c)).unwrap_or(text.len()));
    *text = rest;
    let path = [base, &[name.to_owned()]].concat();
    match rest.strip_prefix("::").filter(|rest| rest.starts_with(|c| is_name(c) || c == '{')) {
        Some(more) => {
            *text = more;
            read_paths(&path, text)
        }
        None => vec![path],
    }
}

fn is_name(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}
