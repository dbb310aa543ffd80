//! The export through a real NFS client.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::time::Duration;

use nfs3_client::nfs3_types::nfs3::{
    COMMIT3args, CREATE3args, GETATTR3args, LOOKUP3args, MKDIR3args, Nfs3Option, READ3args, READDIRPLUS3args,
    REMOVE3args, RENAME3args, RMDIR3args, SETATTR3args, SYMLINK3args, WRITE3args, cookieverf3, createhow3, createverf3,
    diropargs3, filename3, nfs_fh3, nfspath3, nfsstat3, nfstime3, sattr3, set_mtime, stable_how, symlinkdata3,
};
use nfs3_client::nfs3_types::xdr_codec::Opaque;
use nfs3_client::tokio::{TokioConnector, TokioIo};
use nfs3_client::{Nfs3Connection, Nfs3ConnectionBuilder};
use tokio::net::TcpStream;

use super::world::{Site, told};

struct Client(Nfs3Connection<TokioIo<TcpStream>>);

fn named<'a>(dir: &nfs_fh3, name: &'a str) -> diropargs3<'a> {
    diropargs3 { dir: dir.clone(), name: filename3::from(name.as_bytes()) }
}

impl Client {
    async fn of(site: &Site) -> Self {
        let address = site.share.nfs_address().expect("an export");
        assert!(address.ip().is_loopback());
        let line = site.share.mount_line(std::path::Path::new("/mnt")).expect("a line");
        assert!(line.contains(&format!("port={0},mountport={0} 127.0.0.1:/ /mnt", address.port())), "{line}");
        let builder = Nfs3ConnectionBuilder::new(TokioConnector, "127.0.0.1", "/");
        let builder = builder.mount_port(address.port()).nfs3_port(address.port()).connect_from_privileged_port(false);
        Self(builder.mount().await.expect("mounted"))
    }

    fn root(&self) -> nfs_fh3 {
        self.0.root_nfs_fh3()
    }

    async fn create(&mut self, dir: &nfs_fh3, name: &str, how: createhow3) -> Result<nfs_fh3, nfsstat3> {
        match self.0.create(&CREATE3args { where_: named(dir, name), how }).await.expect("an answer") {
            nfs3_client::nfs3_types::nfs3::Nfs3Result::Ok(made) => Ok(made.obj.unwrap()),
            nfs3_client::nfs3_types::nfs3::Nfs3Result::Err((status, _)) => Err(status),
        }
    }

    async fn make(&mut self, dir: &nfs_fh3, name: &str) -> nfs_fh3 {
        self.create(dir, name, createhow3::UNCHECKED(sattr3::default())).await.expect("a file")
    }

    async fn mkdir(&mut self, dir: &nfs_fh3, name: &str) -> nfs_fh3 {
        let made = self.0.mkdir(&MKDIR3args { where_: named(dir, name), attributes: sattr3::default() }).await;
        made.expect("an answer").unwrap().obj.unwrap()
    }

    async fn write(&mut self, file: &nfs_fh3, offset: u64, data: &[u8], stable: stable_how) -> stable_how {
        let count = u32::try_from(data.len()).expect("a small write");
        let args = WRITE3args { file: file.clone(), offset, count, stable, data: Opaque::borrowed(data) };
        let done = self.0.write(&args).await.expect("an answer").unwrap();
        assert_eq!(done.count, count);
        done.committed
    }

    async fn names(&mut self, dir: &nfs_fh3) -> Vec<String> {
        let args = READDIRPLUS3args {
            dir: dir.clone(),
            cookie: 0,
            cookieverf: cookieverf3([0; 8]),
            dircount: 32_768,
            maxcount: 32_768,
        };
        let listed = self.0.readdirplus(&args).await.expect("an answer").unwrap();
        assert!(listed.reply.eof);
        let name = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).expect("UTF-8");
        let mut names: Vec<String> = listed.reply.entries.0.iter().map(|entry| name(entry.name.as_ref())).collect();
        names.sort();
        names
    }
}

async fn site(cache_bytes: u64) -> Site {
    Site::with(|config| {
        config.nfs_port = Some(0);
        config.cache_bytes = cache_bytes;
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_written_over_nfs_is_uploaded_and_announced_as_what_is_copied_in() {
    let site = site(u64::MAX).await;
    let mut client = Client::of(&site).await;
    let root = client.root();
    let job = client.mkdir(&root, "s-vaultjob").await;
    let file = client.make(&job, "file").await;
    let data: Vec<u8> = (0..3_000_000_u32).map(|n| n.to_le_bytes()[0]).collect();
    // As clients do: blocks out of order, then a commit, then the times.
    for block in [2, 0, 1] {
        let part = &data[block * 1_000_000..(block + 1) * 1_000_000];
        let offset = u64::try_from(block * 1_000_000).expect("an offset");
        assert_eq!(client.write(&file, offset, part, stable_how::UNSTABLE).await, stable_how::UNSTABLE);
    }
    client.0.commit(&COMMIT3args { file: file.clone(), offset: 0, count: 0 }).await.expect("an answer").unwrap();
    let mtime = set_mtime::SET_TO_CLIENT_TIME(nfstime3 { seconds: 1_600_000_000, nseconds: 5 });
    let new_attributes = sattr3 { mtime, mode: Nfs3Option::Some(0o640), ..sattr3::default() };
    let args = SETATTR3args { object: file.clone(), new_attributes, guard: Nfs3Option::None };
    client.0.setattr(&args).await.expect("an answer").unwrap();
    site.until("the file is whole", |_| {
        site.memory.world().bucket.get("s-vaultjob/file").is_some_and(|held| *held == data)
    })
    .await;
    let found = fs::metadata(site.path("s-vaultjob/file")).expect("the file");
    assert_eq!((found.mtime(), found.mode() & 0o777), (1_600_000_000, 0o640));
    site.settle().await;
    assert_eq!(site.told(), told(&[("s-vaultjob", 0), ("s-vaultjob/file", 3_000_000)]));

    let looked = client.0.lookup(&LOOKUP3args { what: named(&job, "file") }).await.expect("an answer").unwrap();
    let read = client.0.read(&READ3args { file: looked.object, offset: 2_999_990, count: 100 }).await;
    let read = read.expect("an answer").unwrap();
    assert!(read.eof && *read.data == data[2_999_990..]);
    assert_eq!(client.names(&root).await, ["s-vaultjob"]);

    // A rename keeps handles, of what is below a directory too.
    let args = RENAME3args { from: named(&root, "s-vaultjob"), to: named(&root, "t-vaultjob") };
    client.0.rename(&args).await.expect("an answer").unwrap();
    let attributes = client.0.getattr(&GETATTR3args { object: file.clone() }).await.expect("an answer").unwrap();
    assert_eq!(attributes.obj_attributes.size, 3_000_000);
    site.settle().await;
    assert_eq!(site.calls("copy"), ["s-vaultjob/file t-vaultjob/file"]);
    client.0.remove(&REMOVE3args { object: named(&job, "file") }).await.expect("an answer").unwrap();
    client.0.rmdir(&RMDIR3args { object: named(&root, "t-vaultjob") }).await.expect("an answer").unwrap();
    site.until_uploaded().await;
    assert!(site.memory.world().bucket.is_empty());
    let gone = client.0.getattr(&GETATTR3args { object: file }).await.expect("an answer");
    assert!(matches!(gone, nfs3_client::nfs3_types::nfs3::Nfs3Result::Err((nfsstat3::NFS3ERR_STALE, _))));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unlinked_open_file_is_renamed_by_the_client_and_goes_with_its_new_name() {
    let site = site(u64::MAX).await;
    let mut client = Client::of(&site).await;
    let root = client.root();
    let file = client.make(&root, "open").await;
    client.write(&file, 0, b"text", stable_how::FILE_SYNC).await;
    site.settle().await;
    // What the Linux client does when somebody removes a file that it has open.
    let hidden = ".nfs000000000000000700000001";
    let args = RENAME3args { from: named(&root, "open"), to: named(&root, hidden) };
    client.0.rename(&args).await.expect("an answer").unwrap();
    site.until_uploaded().await;
    assert_eq!(site.memory.world().bucket.keys().collect::<Vec<_>>(), [hidden]);
    client.0.remove(&REMOVE3args { object: named(&root, hidden) }).await.expect("an answer").unwrap();
    site.settle().await;
    assert_eq!(site.told(), told(&[("open", 4)]), "it was gone before it had settled");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_gateway_refuses_is_refused() {
    let site = site(u64::MAX).await;
    let mut client = Client::of(&site).await;
    let root = client.root();
    let symlink = symlinkdata3 { symlink_attributes: sattr3::default(), symlink_data: nfspath3::from(&b"x"[..]) };
    let refused = client.0.symlink(&SYMLINK3args { where_: named(&root, "link"), symlink }).await.expect("an answer");
    assert!(matches!(refused, nfs3_client::nfs3_types::nfs3::Nfs3Result::Err((nfsstat3::NFS3ERR_NOTSUPP, _))));
    for name in ["..", "a/b", ""] {
        let made = client.create(&root, name, createhow3::UNCHECKED(sattr3::default())).await;
        assert!(made.is_err(), "{name:?}");
    }
    assert!(!site.share.folder().parent().expect("a parent").join("b").exists());
    client.create(&root, "once", createhow3::EXCLUSIVE(createverf3([1; 8]))).await.expect("a file");
    let twice = client.create(&root, "once", createhow3::EXCLUSIVE(createverf3([2; 8]))).await;
    assert_eq!(twice.err(), Some(nfsstat3::NFS3ERR_EXIST));
    site.share.close(true).await.expect("closed");
    let late = client.0.getattr(&GETATTR3args { object: root }).await;
    assert!(!matches!(late, Ok(nfs3_client::nfs3_types::nfs3::Nfs3Result::Ok(_))));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_cache_makes_the_client_wait_until_there_is_room() {
    let site = site(1_000).await;
    let mut client = Client::of(&site).await;
    let root = client.root();
    let first = client.make(&root, "first").await;
    site.share.set_online(false);
    client.write(&first, 0, &[1; 900], stable_how::UNSTABLE).await;
    let second = client.make(&root, "second").await;
    let mut writing = tokio::spawn(async move {
        client.write(&second, 0, &[2; 200], stable_how::UNSTABLE).await;
    });
    site.until("the first is dirty", |status| status.waiting >= 1 && status.cache_dirty_bytes == 900).await;
    let waits = tokio::time::timeout(Duration::from_millis(300), &mut writing).await;
    assert!(waits.is_err(), "there was no room");
    site.share.set_online(true);
    writing.await.expect("the write came through");
    site.until("both are there", |_| site.memory.world().bucket.get("second").is_some_and(|bytes| bytes.len() == 200))
        .await;
}
