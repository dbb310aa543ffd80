//! The life of one task: its interface, its images and logs, its processes, its end.
//!
//! Moments are the endpoint's; how long a process may take to stop is real time, as its own work is.

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use futures::stream::{FuturesUnordered, StreamExt};
use serde_json::Value;
use tempfile::TempDir;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::Shared;
use super::definition::{Definition, number, texts};
use super::log::LogStream;
use super::network::{self, Network};
use super::process::{Launch, Process};
use super::task::Task;

/// How long a container may take to stop when its definition does not say, in seconds.
const STOP_TIMEOUT: i64 = 30;

/// What a task is to do.
pub struct Plan {
    pub id: String,
    pub definition: Definition,
    pub overrides: Value,
    pub network: Network,
}

/// The override of one container; null where there is none.
#[must_use]
pub fn override_of<'a>(overrides: &'a Value, container: &str) -> &'a Value {
    let entries = overrides["containerOverrides"].as_array().map_or(&[][..], Vec::as_slice).iter();
    // Of several for one container the last counts.
    entries.rev().find(|one| one["name"] == container).unwrap_or(&Value::Null)
}

/// Why a task ends: its stop code and reason, and the container that is to blame.
struct Failure {
    reason: String,
    container: Option<String>,
}

/// A container that is to run.
struct Ready {
    name: String,
    words: Vec<String>,
    environment: Vec<(String, String)>,
    essential: bool,
    stop_timeout: Duration,
    log: Option<LogStream>,
}

/// Takes a task from PROVISIONING to STOPPED.
pub async fn live(shared: Arc<Shared>, plan: Plan) {
    let life = Life { shared, plan };
    let failure = life.start_and_wait().await.err();
    life.finish(failure).await;
}

struct Life {
    shared: Arc<Shared>,
    plan: Plan,
}

impl Life {
    /// Changes the task; says nothing when it is gone.
    fn task<T>(&self, change: impl FnOnce(&mut Task) -> T) -> Option<T> {
        self.shared.state().tasks.get_mut(&self.plan.id).map(change)
    }

    /// Brings the task to a state and tells the event bus.
    fn advance(&self, status: &'static str, change: impl FnOnce(&mut Task)) {
        let now = self.shared.fabric.clock().now();
        let mut state = self.shared.state();
        if let Some(task) = state.tasks.get_mut(&self.plan.id) {
            task.last_status = status;
            task.version += 1;
            change(task);
            self.shared.tell(task, now);
        }
    }

    fn stop_token(&self) -> CancellationToken {
        self.task(|task| task.stop.clone()).unwrap_or_default()
    }

    async fn start_and_wait(&self) -> Result<(), Failure> {
        let stop = self.stop_token();
        self.attach().await?;
        let now = self.shared.fabric.clock().now();
        self.advance("PENDING", |task| {
            task.at("connectivityAt", now);
            task.at("pullStartedAt", now);
        });
        let ready = self.prepare().await?;
        self.task(|task| task.at("pullStoppedAt", self.shared.fabric.clock().now()));
        if stop.is_cancelled() {
            return Ok(());
        }
        self.run(ready, &stop).await
    }

    async fn attach(&self) -> Result<(), Failure> {
        let Some((arn, Some(attachment))) = self.task(|task| (task.arn.clone(), task.attachment.clone())) else {
            return Ok(());
        };
        let made = network::attach(&self.shared.fabric, &arn, &attachment, &self.plan.network).await;
        let interface = made.map_err(|reason| Failure { reason, container: None })?;
        self.task(|task| {
            if let Some(attachment) = &mut task.attachment {
                attachment.interface = Some(interface);
                attachment.status = "ATTACHED";
            }
        });
        Ok(())
    }

    /// Finds every container's program and makes its log stream.
    async fn prepare(&self) -> Result<Vec<Ready>, Failure> {
        let mut all = Vec::new();
        for container in self.plan.definition.containers() {
            let name = container["name"].as_str().unwrap_or_default().to_owned();
            let blame = |reason: String| Failure { reason, container: Some(name.clone()) };
            let image = container["image"].as_str().unwrap_or_default();
            let image = self.shared.images().resolve(image).map_err(blame)?;
            let own = override_of(&self.plan.overrides, &name);
            let command = own.get("command").or_else(|| container.get("command"));
            let entry_point = container.get("entryPoint").map(|words| texts(Some(words)));
            let mut log = None;
            if let Some(configuration) = container.get("logConfiguration") {
                let opened = LogStream::open(&self.shared.fabric, configuration, &name, &self.plan.id).await;
                // The task is to blame, not the container: it has not come so far.
                log = Some(opened.map_err(|reason| Failure { reason, container: None })?);
            }
            let runtime_id = format!("{}-{}", self.plan.id, self.shared.fabric.token(b"0123456789", 10));
            let seconds = number(container.get("stopTimeout")).unwrap_or(STOP_TIMEOUT);
            all.push(Ready {
                words: image.words(entry_point, texts(command)),
                environment: self.environment(container, own, &runtime_id),
                essential: container["essential"] != false,
                stop_timeout: Duration::from_secs(u64::try_from(seconds).unwrap_or_default()),
                log: log.clone(),
                name: name.clone(),
            });
            self.task(|task| {
                if let Some(one) = task.containers.iter_mut().find(|one| one.name == name) {
                    one.runtime_id = runtime_id;
                    one.log = log.map(|log| (log.group, log.stream));
                }
            });
        }
        Ok(all)
    }

    /// What the definition and the override give, and what a task on Fargate is told of the world.
    fn environment(&self, container: &Value, own: &Value, runtime_id: &str) -> Vec<(String, String)> {
        let fabric = &self.shared.fabric;
        let region = &fabric.identity().region;
        let mut all: BTreeMap<String, String> = [
            ("AWS_REGION", region.as_str()),
            ("AWS_DEFAULT_REGION", region),
            ("AWS_ENDPOINT_URL", fabric.url()),
            ("AWS_ACCESS_KEY_ID", "test"),
            ("AWS_SECRET_ACCESS_KEY", "test"),
            ("AWS_EC2_METADATA_DISABLED", "true"),
            ("AWS_EXECUTION_ENV", "AWS_ECS_FARGATE"),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .into();
        let metadata = format!("{}{}v4/{runtime_id}", fabric.url(), super::http::PREFIX);
        all.insert("ECS_CONTAINER_METADATA_URI_V4".to_owned(), metadata);
        for pairs in [&container["environment"], &own["environment"]] {
            for pair in pairs.as_array().into_iter().flatten() {
                let text = |member: &str| pair[member].as_str().unwrap_or_default().to_owned();
                all.insert(text("name"), text("value"));
            }
        }
        all.into_iter().collect()
    }

    /// Runs the containers until an essential one has ended or the task is stopped.
    async fn run(&self, ready: Vec<Ready>, stop: &CancellationToken) -> Result<(), Failure> {
        let folder = TempDir::new().map_err(|error| Failure {
            reason: format!("ResourceInitializationError: failed to create a working directory: {error}"),
            container: None,
        })?;
        let ended = CancellationToken::new();
        let over = CancellationToken::new();
        let mut logs: Vec<JoinHandle<()>> = Vec::new();
        let mut running = FuturesUnordered::new();
        let mut failure = None;
        for one in ready {
            let launch = Launch {
                words: &one.words,
                environment: &one.environment,
                folder: folder.path(),
                logged: one.log.is_some(),
            };
            match Process::start(&launch) {
                Ok((process, output)) => {
                    if let (Some(log), Some(output)) = (one.log.clone(), output) {
                        logs.push(tokio::spawn(log.follow(output, ended.clone())));
                    }
                    running.push(self.wait(process, one, over.child_token(), stop.clone()));
                }
                Err(error) => {
                    failure = Some(Failure { reason: cannot_start(&one.words, &error), container: Some(one.name) });
                    over.cancel();
                    break;
                }
            }
        }
        if failure.is_none() {
            let now = self.shared.fabric.clock().now();
            self.advance("RUNNING", |task| {
                task.at("startedAt", now);
                task.containers.iter_mut().for_each(|one| one.last_status = "RUNNING");
            });
        }
        while let Some((name, essential, code)) = running.next().await {
            let now = self.shared.fabric.clock().now();
            self.task(|task| {
                if let Some(one) = task.containers.iter_mut().find(|one| one.name == name) {
                    one.exit_code = Some(code);
                    one.last_status = "STOPPED";
                }
                if essential {
                    task.end(now, "EssentialContainerExited", "Essential container in task exited");
                }
            });
            if essential {
                over.cancel();
            }
        }
        drop(running);
        let now = self.shared.fabric.clock().now();
        self.task(|task| {
            // Containers that were never essential have all ended.
            task.end(now, "EssentialContainerExited", "Essential container in task exited");
            task.at("executionStoppedAt", now);
        });
        ended.cancel();
        for log in logs {
            // It ends with the pipe, and cannot fail.
            let _ = log.await;
        }
        failure.map_or(Ok(()), Err)
    }

    /// Waits for one container's end, which is brought about when the task is stopped or over.
    async fn wait(
        &self,
        mut process: Process,
        one: Ready,
        over: CancellationToken,
        stop: CancellationToken,
    ) -> (String, bool, i32) {
        let shutdown = self.shared.fabric.shutdown_token();
        let mut code = None;
        tokio::select! {
            ended = process.wait() => code = Some(ended),
            () = stop.cancelled() => {}
            () = over.cancelled() => {}
            () = shutdown.cancelled() => {}
        }
        if code.is_none() && !shutdown.is_cancelled() {
            process.terminate();
            tokio::select! {
                ended = process.wait() => code = Some(ended),
                () = tokio::time::sleep(one.stop_timeout) => {}
                () = shutdown.cancelled() => {}
            }
        }
        let code = if let Some(code) = code {
            code
        } else {
            process.kill();
            process.wait().await
        };
        process.release().await;
        (one.name, one.essential, code)
    }

    /// Lets go of what the task had and brings it to STOPPED.
    async fn finish(&self, failure: Option<Failure>) {
        let now = self.shared.fabric.clock().now();
        self.advance("DEPROVISIONING", |task| {
            if let Some(failure) = failure {
                // What kept it from starting counts more than that it was stopped.
                task.stop_code = None;
                task.end(now, "TaskFailedToStart", failure.reason.clone());
                for one in task.containers.iter_mut().filter(|one| failure.container.as_ref() == Some(&one.name)) {
                    one.reason = Some(failure.reason.clone());
                }
            }
            task.end(now, "UserInitiated", "Task stopped by user");
            task.at("executionStoppedAt", now);
            task.containers.iter_mut().for_each(|one| one.last_status = "STOPPED");
        });
        let interface = self.task(|task| task.attachment.as_ref()?.interface.as_ref().map(|[id, ..]| id.clone()));
        if let Some(Some(interface)) = interface {
            network::detach(&self.shared.fabric, &interface).await;
        }
        let now = self.shared.fabric.clock().now();
        self.advance("STOPPED", |task| {
            task.at("stoppedAt", now);
            if let Some(attachment) = &mut task.attachment {
                attachment.status = "DELETED";
            }
        });
    }
}

/// What the container runtime says of a program that does not start.
fn cannot_start(words: &[String], error: &io::Error) -> String {
    let program = words.first().map_or("", String::as_str);
    let problem = match error.kind() {
        io::ErrorKind::NotFound => "executable file not found in $PATH".to_owned(),
        io::ErrorKind::PermissionDenied => "permission denied".to_owned(),
        _ => error.to_string(),
    };
    format!(
        "CannotStartContainerError: ResourceInitializationError: failed to create new container runtime task: failed to \
         create shim task: OCI runtime create failed: runc create failed: unable to start container process: exec: \
         {program:?}: {problem}: unknown"
    )
}
