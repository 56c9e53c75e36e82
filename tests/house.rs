//! The rooms of the library import in one direction, and no two files need each other.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use proc_macro2::{TokenStream, TokenTree};
use syn::visit::{self, Visit};

/// The rooms from left to right; those of one row know nothing of each other.
const ROOMS: &[&[&str]] = &[
    &["kind"],
    &["error"],
    &["address"],
    &["schema"],
    &["proxy", "socket"],
    &["echo", "fault", "times"],
    &["client", "server"],
];

fn row(room: &str) -> Option<usize> {
    ROOMS.iter().position(|row| row.contains(&room))
}

fn sources(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let (folders, files): (Vec<_>, Vec<_>) = entries.partition(|path| path.is_dir());
    files.into_iter().chain(folders.iter().flat_map(|folder| sources(folder))).collect()
}

#[test]
fn a_room_imports_only_what_stands_to_its_left() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut seen = 0;
    for path in sources(&src) {
        let inside = path.strip_prefix(&src).unwrap().with_extension("");
        let room = inside.components().next().unwrap().as_os_str().to_str().unwrap();
        let Some(from) = row(room) else { continue };
        let text = fs::read_to_string(&path).unwrap();
        let code = text.lines().filter(|line| !line.trim_start().starts_with("//"));
        for part in code.flat_map(|line| line.split("crate::").skip(1)) {
            let other = part.split(|c: char| !(c.is_alphanumeric() || c == '_')).next().unwrap();
            assert!(!part.starts_with('{'), "{}: one room a use", path.display());
            // What stands at the root is named by its room.
            let other = match other {
                "Client" => "client",
                "Server" => "server",
                other => other,
            };
            let Some(to) = row(other) else { continue };
            assert!(to < from || other == room, "{}: {room} imports {other}", path.display());
            seen += 1;
        }
    }
    assert!(seen > 50, "only {seen} imports were seen");
}

/// A file of the source as far as names go.
#[derive(Default)]
struct File {
    /// The names that a `use` brings in, each with its path.
    names: BTreeMap<String, Vec<String>>,
    /// The names that it only hands on, unless it has them in its own code as well.
    handed_on: BTreeSet<String>,
    /// What its code names, by one word or by a path.
    named: BTreeSet<Vec<String>>,
    /// Modules that stand in another file than their name says.
    elsewhere: BTreeMap<String, String>,
    /// How many modules within the file the visit is in.
    depth: usize,
}

impl File {
    fn read(path: &Path) -> Self {
        let mut file = Self::default();
        file.visit_file(&syn::parse_file(&fs::read_to_string(path).unwrap()).unwrap());
        file
    }

    /// Notes a path, as it would be outside the modules within the file.
    fn name(&mut self, path: impl IntoIterator<Item = String>) {
        let mut path: Vec<String> = path.into_iter().collect();
        let up = path.iter().take(self.depth).take_while(|word| *word == "super").count();
        path.drain(..up);
        self.named.insert(path);
    }

    /// Notes the paths among what is handed to a macro.
    fn name_tokens(&mut self, tokens: TokenStream) {
        let mut path = Vec::new();
        let mut colons = 0;
        for token in tokens {
            match token {
                TokenTree::Punct(mark) if mark.as_char() == ':' => colons += 1,
                TokenTree::Ident(word) => {
                    if colons != 2 {
                        self.name(path.drain(..));
                    }
                    path.push(word.to_string());
                    colons = 0;
                }
                TokenTree::Group(group) => self.name_tokens(group.stream()),
                TokenTree::Punct(_) | TokenTree::Literal(_) => colons = 0,
            }
        }
        self.name(path);
    }

    fn import(&mut self, tree: &syn::UseTree, mut path: Vec<String>, hands_on: bool) {
        let (word, name) = match tree {
            syn::UseTree::Path(tree) => {
                path.push(tree.ident.to_string());
                return self.import(&tree.tree, path, hands_on);
            }
            syn::UseTree::Group(group) => {
                for tree in &group.items {
                    self.import(tree, path.clone(), hands_on);
                }
                return;
            }
            syn::UseTree::Glob(_) => return self.name(path.into_iter().chain(["*".to_owned()])),
            syn::UseTree::Name(tree) => (tree.ident.to_string(), tree.ident.to_string()),
            syn::UseTree::Rename(tree) => (tree.ident.to_string(), tree.rename.to_string()),
        };
        let name = match (word == "self", path.last()) {
            (true, Some(module)) if name == "self" => module.clone(),
            (true, _) => name,
            (false, _) => {
                path.push(word);
                name
            }
        };
        if self.depth > 0 {
            return self.name(path);
        }
        if hands_on {
            self.handed_on.insert(name.clone());
        }
        self.names.insert(name, path);
    }
}

impl<'ast> Visit<'ast> for File {
    fn visit_item_use(&mut self, item: &'ast syn::ItemUse) {
        let hands_on = !matches!(item.vis, syn::Visibility::Inherited);
        self.import(&item.tree, Vec::new(), hands_on);
    }

    fn visit_item_mod(&mut self, item: &'ast syn::ItemMod) {
        for attribute in &item.attrs {
            if let syn::Meta::NameValue(meta) = &attribute.meta {
                if let (true, syn::Expr::Lit(syn::ExprLit { lit: syn::Lit::Str(file), .. })) =
                    (meta.path.is_ident("path"), &meta.value)
                {
                    let stem = Path::new(&file.value()).file_stem().unwrap().to_owned();
                    let stem = stem.into_string().unwrap();
                    self.elsewhere.entry(item.ident.to_string()).or_insert(stem);
                }
            }
        }
        if item.content.is_some() && item.ident != "tests" {
            self.depth += 1;
            visit::visit_item_mod(self, item);
            self.depth -= 1;
        }
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        self.name(path.segments.iter().map(|segment| segment.ident.to_string()));
        visit::visit_path(self, path);
    }

    fn visit_macro(&mut self, call: &'ast syn::Macro) {
        self.name_tokens(call.tokens.clone());
        visit::visit_macro(self, call);
    }
}

/// The files, by the modules that they are: the library's are in `echo6`, the binary's in `main`.
struct House(BTreeMap<Vec<String>, File>);

impl House {
    fn read(src: &Path) -> Self {
        let read = |path: PathBuf| {
            let inside = path.strip_prefix(src).unwrap().with_extension("");
            let words = inside.iter().map(|word| word.to_str().unwrap().to_owned());
            let mut module: Vec<String> = words.collect();
            let root = if module[0] == "main" || module[0] == "cli" { "main" } else { "echo6" };
            module.retain(|word| word != "lib" && word != "main");
            module.insert(0, root.to_owned());
            (module, File::read(&path))
        };
        Self(sources(src).into_iter().map(read).collect())
    }

    /// The module in whose file that stands which `path` means in `module`; none if it is a module,
    /// or of another crate.
    fn find(&self, module: &[String], path: &[String], depth: usize) -> Option<Vec<String>> {
        assert!(depth < 20, "{path:?} in {module:?} has no end");
        let mut at = module.to_vec();
        for (index, word) in path.iter().enumerate() {
            match (word.as_str(), index) {
                ("crate", 0) => at.truncate(1),
                ("echo6", 0) => at = vec!["echo6".to_owned()],
                ("self", _) => {}
                ("super", _) => drop(at.pop()),
                _ => {
                    let file = self.0.get(&at)?;
                    let mut child = at.clone();
                    child.push(file.elsewhere.get(word).unwrap_or(word).clone());
                    if self.0.contains_key(&child) {
                        at = child;
                    } else if let Some(meant) =
                        file.names.get(word).filter(|meant| meant[0] != *word)
                    {
                        let rest = &path[index + 1..];
                        return self.find(&at, &[meant, rest].concat(), depth + 1);
                    } else {
                        return (index > 0).then_some(at);
                    }
                }
            }
        }
        None
    }

    /// Which files each file needs. A file and the folder of its name are one room, so that what
    /// stands in the folder may name what the file has.
    fn arrows(&self) -> BTreeMap<Vec<String>, BTreeSet<Vec<String>>> {
        let of = |(module, file): &'_ (&Vec<String>, &File)| {
            let mut paths = file.named.clone();
            let is_named = |name: &String| file.named.iter().any(|path| path.first() == Some(name));
            let own = file.names.iter();
            let own = own.filter(|(name, _)| !file.handed_on.contains(*name) || is_named(name));
            paths.extend(own.map(|(_, path)| path.clone()));
            let found = paths.iter().filter_map(|path| self.find(module, path, 0));
            found.filter(|other| !module.starts_with(other)).collect()
        };
        self.0.iter().map(|entry| (entry.0.clone(), of(&entry))).collect()
    }
}

/// All that is reached from `start` along arrows.
fn reached<'a>(
    arrows: &'a BTreeMap<Vec<String>, BTreeSet<Vec<String>>>,
    start: &'a [String],
) -> BTreeSet<&'a [String]> {
    let mut reached = BTreeSet::new();
    let mut next = vec![start];
    while let Some(module) = next.pop() {
        let others = arrows[module].iter().map(|other| &other[..]);
        next.extend(others.filter(|other| reached.insert(*other)));
    }
    reached
}

#[test]
fn no_file_needs_one_that_needs_it() {
    let house = House::read(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"));
    let arrows = house.arrows();
    let seen: usize = arrows.values().map(BTreeSet::len).sum();
    assert!(seen > 500, "only {seen} imports were seen");
    let mut circles = String::new();
    for (module, needed) in &arrows {
        for other in needed.iter().filter(|other| reached(&arrows, other).contains(&module[..])) {
            circles += &format!("\n{} needs {}", module.join("::"), other.join("::"));
        }
    }
    assert!(circles.is_empty(), "these are in circles:{circles}");
}
