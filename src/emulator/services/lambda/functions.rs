//! The operations that make, change, show and delete functions.

use std::sync::{Arc, PoisonError};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use indexmap::IndexMap;
use serde::Deserialize;
use serde_json::{Value, json};

use super::Lambda;
use super::config::{Config, ConfigInput};
use super::error::LambdaError;
use super::function::Function;
use super::package::Package;
use super::registry::function_name;
use super::scalar::{flag, number};
use crate::emulator::error::ServiceError;
use crate::emulator::service::{Context, Origin};

const PRINCIPAL: &str = "lambda.amazonaws.com";

/// Functions that one answer of ListFunctions holds at the most.
const PAGE: usize = 50;

/// `Code` of CreateFunction, and the members of UpdateFunctionCode.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct CodeInput {
    zip_file: Option<String>,
    #[serde(rename = "S3Bucket")]
    s3_bucket: Option<String>,
    #[serde(rename = "S3Key")]
    s3_key: Option<String>,
    #[serde(rename = "S3ObjectVersion")]
    s3_object_version: Option<String>,
    image_uri: Option<String>,
}

/// The input of CreateFunction.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct CreateInput {
    function_name: String,
    #[serde(default)]
    code: CodeInput,
    package_type: Option<String>,
    architectures: Option<Vec<String>>,
    #[serde(default)]
    tags: IndexMap<String, String>,
    #[serde(default, deserialize_with = "flag")]
    publish: Option<bool>,
    #[serde(flatten)]
    config: ConfigInput,
}

/// The input of UpdateFunctionCode.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct UpdateCodeInput {
    function_name: String,
    architectures: Option<Vec<String>>,
    #[serde(default, deserialize_with = "flag")]
    dry_run: Option<bool>,
    #[serde(default, deserialize_with = "flag")]
    publish: Option<bool>,
    revision_id: Option<String>,
    #[serde(flatten)]
    code: CodeInput,
}

/// The input of UpdateFunctionConfiguration.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct UpdateConfigInput {
    function_name: String,
    revision_id: Option<String>,
    #[serde(flatten)]
    config: ConfigInput,
}

/// The input of operations that name a function and nothing else.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct NamedInput {
    /// Name or ARN.
    pub function_name: String,
    /// `$LATEST` or nothing.
    pub qualifier: Option<String>,
}

/// The input of ListFunctions.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct ListInput {
    marker: Option<String>,
    #[serde(default, deserialize_with = "number")]
    max_items: Option<u32>,
}

impl Lambda {
    /// CreateFunction.
    ///
    /// A caller of the HTTP port gets a function that may be `Pending`; a service of the endpoint gets its answer when
    /// the function can run, so that nobody inside has to ask again and again.
    pub(super) async fn create_function(&self, input: CreateInput, context: &Context) -> Result<Value, LambdaError> {
        let name = function_name(&input.function_name)?.to_owned();
        refuse_publish(input.publish)?;
        if input.package_type.is_some_and(|kind| kind != "Zip") {
            return Err(LambdaError::unsupported("package type Image"));
        }
        let exists = || LambdaError::Conflict(format!("Function already exist: {name}"));
        if self.registry.function(&name).is_ok() {
            return Err(exists());
        }
        let package = self.package(input.code).await?;
        let architectures = input.architectures.unwrap_or_else(|| vec!["x86_64".to_owned()]);
        let mut config = Config::new(&name, &self.registry.function_arn(&name), package, architectures);
        config.apply(input.config)?;
        for (member, value) in [("runtime", &config.runtime), ("role", &config.role), ("handler", &config.handler)] {
            if value.is_empty() {
                return Err(LambdaError::InvalidParameter(format!("{member} is mandatory for functions of type Zip")));
            }
        }
        self.stamp(&mut config);
        config.interpreter = self.registry.interpreters.of_runtime(&config.runtime).await?;
        wait_inside(&config, context).await?;
        let shown = config.shown();
        let function = Function::new(self.registry.fabric.clone(), config);
        *function.tags.lock().unwrap_or_else(PoisonError::into_inner) = input.tags;
        let mut functions = self.registry.functions.write().unwrap_or_else(PoisonError::into_inner);
        if functions.contains_key(&name) {
            return Err(exists());
        }
        function.keep();
        functions.insert(name.clone(), function);
        Ok(shown)
    }

    /// GetFunction.
    pub(super) async fn get_function(&self, input: NamedInput, _: &Context) -> Result<Value, LambdaError> {
        let function = self.named(&input)?;
        let tags = function.tags.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let mut shown = json!({ "Configuration": function.config().shown(), "Code": { "RepositoryType": "S3" } });
        if !tags.is_empty() {
            shown["Tags"] = json!(tags);
        }
        if let Some(reserved) = function.reserved() {
            shown["Concurrency"] = json!({ "ReservedConcurrentExecutions": reserved });
        }
        Ok(shown)
    }

    /// GetFunctionConfiguration.
    pub(super) async fn get_function_configuration(
        &self,
        input: NamedInput,
        _: &Context,
    ) -> Result<Value, LambdaError> {
        Ok(self.named(&input)?.config().shown())
    }

    /// UpdateFunctionCode.
    pub(super) async fn update_function_code(&self, input: UpdateCodeInput, _: &Context) -> Result<Value, LambdaError> {
        let function = self.registry.function(&input.function_name)?;
        refuse_pending(&function.config())?;
        refuse_publish(input.publish)?;
        let mut config = Config::clone(&function.config());
        expect_revision(&config, input.revision_id.as_deref())?;
        config.package = self.package(input.code).await?;
        config.updated = true;
        config.architectures = input.architectures.unwrap_or(config.architectures);
        self.stamp(&mut config);
        let shown = config.shown();
        if input.dry_run != Some(true) {
            function.replace(config);
            function.keep();
        }
        Ok(shown)
    }

    /// UpdateFunctionConfiguration.
    pub(super) async fn update_function_configuration(
        &self,
        input: UpdateConfigInput,
        context: &Context,
    ) -> Result<Value, LambdaError> {
        let function = self.registry.function(&input.function_name)?;
        refuse_pending(&function.config())?;
        let mut config = Config::clone(&function.config());
        expect_revision(&config, input.revision_id.as_deref())?;
        let runtime = config.runtime.clone();
        config.apply(input.config)?;
        if config.runtime != runtime || config.hindrance().is_some() {
            config.interpreter = self.registry.interpreters.of_runtime(&config.runtime).await?;
            wait_inside(&config, context).await?;
        }
        config.updated = true;
        self.stamp(&mut config);
        let shown = config.shown();
        function.replace(config);
        function.keep();
        Ok(shown)
    }

    /// DeleteFunction.
    pub(super) async fn delete_function(&self, input: NamedInput, _: &Context) -> Result<Value, LambdaError> {
        let name = self.named(&input)?.name.to_string();
        let removed = {
            let mut functions = self.registry.functions.write().unwrap_or_else(PoisonError::into_inner);
            let removed = functions.shift_remove(&name);
            removed.inspect(|function| function.forget())
        };
        let function = removed.ok_or_else(|| LambdaError::no_function(&self.registry.function_arn(&name)))?;
        // Its last log lines are not waited for.
        tokio::spawn(async move { function.end().await });
        Ok(Value::Null)
    }

    /// ListFunctions.
    pub(super) async fn list_functions(&self, input: ListInput, _: &Context) -> Result<Value, LambdaError> {
        let page = input.max_items.map_or(PAGE, |items| (items as usize).clamp(1, PAGE));
        let mut all: Vec<Arc<Function>> = {
            let functions = self.registry.functions.read().unwrap_or_else(PoisonError::into_inner);
            functions.values().cloned().collect()
        };
        all.sort_by(|one, other| one.name.cmp(&other.name));
        let from = input.marker.map_or(0, |marker| all.partition_point(|function| *function.name <= *marker));
        let shown: Vec<Value> = all[from..].iter().take(page).map(|function| function.config().shown()).collect();
        let mut answer = json!({ "Functions": shown });
        if from + page < all.len() {
            answer["NextMarker"] = Value::from(&*all[from + page - 1].name);
        }
        Ok(answer)
    }

    /// The function that an input names.
    pub(super) fn named(&self, input: &NamedInput) -> Result<Arc<Function>, LambdaError> {
        match input.qualifier.as_deref() {
            None | Some("$LATEST") => self.registry.function(&input.function_name),
            Some(other) => self.registry.function(&format!("{}:{other}", function_name(&input.function_name)?)),
        }
    }

    fn stamp(&self, config: &mut Config) {
        config.revision = self.registry.fabric.uuid();
        config.modified = self.registry.fabric.clock().now();
    }

    /// Unpacks the code that a request gives or names.
    async fn package(&self, code: CodeInput) -> Result<Arc<Package>, LambdaError> {
        if code.image_uri.is_some() {
            return Err(LambdaError::unsupported("ImageUri of a function's code"));
        }
        let zip = match (code.zip_file, code.s3_bucket, code.s3_key) {
            (Some(zip), None, None) => decoded(&zip)?,
            (None, Some(bucket), Some(key)) => self.object(bucket, key, code.s3_object_version).await?,
            _ => {
                return Err(LambdaError::InvalidParameter(
                    "Please provide a source for function code: either ZipFile, or S3Bucket and S3Key.".to_owned(),
                ));
            }
        };
        let packages = Arc::clone(&self.registry.packages);
        let unpacked = tokio::task::spawn_blocking(move || packages.unpack(&zip)).await;
        unpacked.map_err(|error| LambdaError::Service(ServiceError::internal(error)))?.map(Arc::new)
    }

    async fn object(&self, bucket: String, key: String, version: Option<String>) -> Result<Bytes, LambdaError> {
        let mut input = json!({ "Bucket": bucket, "Key": key });
        if let Some(version) = version {
            input["VersionId"] = Value::from(version);
        }
        let object = self.registry.fabric.call(PRINCIPAL, "s3", "GetObject", input).await.map_err(|error| {
            LambdaError::InvalidParameter(format!(
                "Error occurred while GetObject. S3 Error Code: {}. S3 Error Message: {}",
                error.code, error.message
            ))
        })?;
        decoded(object.get("Body").and_then(Value::as_str).unwrap_or_default())
    }
}

/// Lets a service of the endpoint wait until the function can run.
async fn wait_inside(config: &Config, context: &Context) -> Result<(), LambdaError> {
    match &config.interpreter {
        Some(interpreter) if context.origin != Origin::Public => {
            interpreter.ready().await.map(|_| ()).map_err(LambdaError::InvalidParameter)
        }
        _ => Ok(()),
    }
}

/// Refuses what AWS refuses of a function that is not there yet.
///
/// # Errors
/// `ResourceConflictException`.
pub fn refuse_pending(config: &Config) -> Result<(), LambdaError> {
    match config.hindrance() {
        Some((state @ "Pending", _)) => Err(LambdaError::Conflict(format!(
            "The operation cannot be performed at this time. The function is currently in the following state: {state}"
        ))),
        _ => Ok(()),
    }
}

fn decoded(base64: &str) -> Result<Bytes, LambdaError> {
    STANDARD
        .decode(base64)
        .map(Bytes::from)
        .map_err(|error| LambdaError::InvalidParameter(format!("the function's code is not base64: {error}")))
}

fn refuse_publish(publish: Option<bool>) -> Result<(), LambdaError> {
    match publish {
        Some(true) => Err(LambdaError::unsupported("Publish: it keeps only $LATEST of a function")),
        _ => Ok(()),
    }
}

fn expect_revision(config: &Config, wanted: Option<&str>) -> Result<(), LambdaError> {
    match wanted {
        Some(wanted) if wanted != config.revision => Err(LambdaError::Service(
            ServiceError::client(
                "PreconditionFailedException",
                "The RevisionId provided does not match the latest RevisionId. Call the GetFunction/GetAlias API to \
                 retrieve the latest RevisionId",
            )
            .with_status(http::StatusCode::PRECONDITION_FAILED),
        )),
        _ => Ok(()),
    }
}
