use super::*;

fn object(key: &str, size: u64) -> ObjectRow {
    ObjectRow { key: key.to_owned(), size, modified: None, storage_class: "STANDARD".to_owned() }
}

fn stacks(bucket: &str) -> IndexMap<String, Stack> {
    let stack = Stack {
        status: Some("CREATE_COMPLETE".to_owned()),
        outputs: vec![
            ("fileUploadBucketName".to_owned(), bucket.to_owned()),
            ("fileUploadQueueUrl".to_owned(), "http://q".to_owned()),
        ],
        ..Stack::default()
    };
    [("S".to_owned(), stack)].into()
}

fn names(objects: &Objects) -> Vec<String> {
    let name = |row: &Row| match row.kind {
        Kind::More => "more".to_owned(),
        Kind::Reading => "reading".to_owned(),
        Kind::Empty => "empty".to_owned(),
        Kind::Failed(text) => text.to_owned(),
        Kind::Uploads(..) => "uploads".to_owned(),
        _ => format!("{}{}", " ".repeat(row.depth), row.short()),
    };
    objects.rows().iter().map(name).collect()
}

#[expect(clippy::unnecessary_wraps, reason = "it is given to what takes an answer")]
fn level(folders: &[&str], objects: &[(&str, u64)], next: Option<&str>) -> Result<Found, String> {
    Ok(Found::Level(Level {
        folders: folders.iter().map(|&folder| folder.to_owned()).collect(),
        objects: objects.iter().map(|&(key, size)| object(key, size)).collect(),
        next: next.map(str::to_owned),
    }))
}

fn opened() -> Objects {
    let mut objects = Objects::default();
    objects.know(&stacks("b"), "S");
    let looks = objects.unread();
    assert_eq!(looks.len(), 2, "the root and its uploads: {looks:?}");
    assert!(objects.unread().is_empty(), "once");
    for look in looks {
        let found = match &look {
            Look::Level { .. } => level(&["a-vaultjob/"], &[("z", 7)], None),
            _ => Ok(Found::Uploads(Uploads::default())),
        };
        objects.answer(&look, found);
    }
    objects
}

#[test]
fn a_level_is_read_when_it_is_opened_and_not_before() {
    let mut objects = opened();
    assert_eq!(names(&objects), ["b", " a-vaultjob/", " z"]);
    assert_eq!(objects.total("b", ""), Some(Total { objects: 1, bytes: 7, is_all: false }));
    objects.select(1);
    assert!(objects.turn(None));
    let looks = objects.unread();
    let [look @ Look::Level { prefix, after: None, pages: 1, .. }] = looks.as_slice() else { panic!("{looks:?}") };
    assert_eq!(prefix, "a-vaultjob/");
    assert_eq!(names(&objects), ["b", " a-vaultjob/", "reading", " z"]);
    objects.answer(look, level(&[], &[("a-vaultjob/", 0), ("a-vaultjob/1", 5)], Some("t")));
    assert_eq!(names(&objects), ["b", " a-vaultjob/", "  ./", "  1", "more", " z"]);
    assert_eq!(objects.total("b", ""), Some(Total { objects: 3, bytes: 12, is_all: false }), "at least");
    objects.select(4);
    let more = objects.more().expect("a page");
    assert_eq!(objects.more(), None, "it is being read");
    objects.answer(&more, level(&[], &[("a-vaultjob/2", 1)], None));
    assert_eq!(objects.total("b", ""), Some(Total { objects: 4, bytes: 13, is_all: true }));
    objects.select(1);
    assert!(objects.turn(Some(false)));
    assert_eq!(names(&objects), ["b", " a-vaultjob/", " z"]);
    objects.turn(None);
    assert!(objects.unread().is_empty(), "what was read stays");
}

#[test]
fn the_selected_row_stays_while_others_come_and_a_search_goes_through_what_is_open() {
    let mut objects = opened();
    objects.select(2);
    let again = objects.refresh();
    let [look] = again.as_slice() else { panic!("{again:?}") };
    objects.answer(look, level(&["0/", "a-vaultjob/", "y/"], &[("m", 1), ("z", 7)], None));
    let rows = objects.rows();
    assert_eq!(rows[objects.place(&rows)].uri(), "s3://b/z");
    objects.search = "vault".to_owned();
    assert!(!objects.find(true) && objects.find(false));
    let rows = objects.rows();
    assert_eq!(rows[objects.place(&rows)].uri(), "s3://b/a-vaultjob/");
    objects.select(0);
    objects.leave();
    objects.select(5);
    objects.leave();
    let rows = objects.rows();
    assert_eq!(objects.place(&rows), 0);
}

#[test]
fn what_fails_is_said_and_what_was_read_stays() {
    let mut objects = opened();
    let looks = objects.refresh();
    assert_eq!(looks.len(), 2);
    for look in &looks {
        objects.answer(look, Err("no".to_owned()));
    }
    assert_eq!(names(&objects), ["b", "no", " a-vaultjob/", " z", "uploads"]);
    assert!(objects.unread().is_empty(), "nobody asks again and again");
    objects.know(&IndexMap::new(), "S");
    assert!(objects.rows().is_empty());
    objects.know(&stacks("c"), "S");
    assert_eq!(objects.unread().len(), 2, "another bucket");
}

#[test]
fn folders_that_are_gone_take_their_levels_with_them() {
    let mut objects = opened();
    objects.select(1);
    objects.turn(None);
    let looks = objects.unread();
    objects.answer(&looks[0], level(&["a-vaultjob/d/"], &[], None));
    assert_eq!(objects.levels.len(), 2);
    objects.select(0);
    for look in objects.refresh() {
        objects.answer(&look, level(&["b/"], &[], None));
    }
    assert_eq!(objects.levels.len(), 1, "{:?}", objects.levels.keys());
    assert_eq!(names(&objects), ["b", " b/"]);
}

#[test]
fn an_object_is_looked_into_once_until_it_changes() {
    let mut objects = opened();
    objects.select(2);
    let look = objects.look_into().expect("a look");
    assert_eq!(objects.look_into(), None, "it is under way");
    objects.answer(&look, Err("gone".to_owned()));
    assert_eq!(objects.look_into(), None);
    for look in objects.refresh() {
        if matches!(look, Look::Level { .. }) {
            objects.answer(&look, level(&["a-vaultjob/"], &[("z", 8)], None));
        } else {
            objects.answer(&look, Err("gone".to_owned()));
        }
    }
    assert_eq!(objects.look_into(), Some(look), "it has changed");
}

#[test]
fn everything_open_is_read_again_once_in_a_while() {
    let mut objects = opened();
    assert!(objects.again_by_itself(9_999, 10_000).is_empty());
    let looks = objects.again_by_itself(10_000, 10_000);
    assert_eq!(looks.len(), 2);
    assert!(objects.again_by_itself(20_000, 10_000).is_empty(), "they are still under way");
}
