// A small app of the CDK: a bucket, a queue, two functions, a rule, a state machine and a custom resource.
const path = require("node:path");
const { App, CfnOutput, CustomResource, Duration, RemovalPolicy, Stack } = require("aws-cdk-lib");
const events = require("aws-cdk-lib/aws-events");
const targets = require("aws-cdk-lib/aws-events-targets");
const lambda = require("aws-cdk-lib/aws-lambda");
const s3 = require("aws-cdk-lib/aws-s3");
const sqs = require("aws-cdk-lib/aws-sqs");
const sfn = require("aws-cdk-lib/aws-stepfunctions");
const tasks = require("aws-cdk-lib/aws-stepfunctions-tasks");

const PROVIDER = `
import cfnresponse

def handler(event, context):
    text = event["ResourceProperties"]["Text"]
    cfnresponse.send(event, context, cfnresponse.SUCCESS, {"Reversed": text[::-1]}, "reversed")
`;

class SmallApp extends Stack {
  constructor(scope, id) {
    super(scope, id);
    const seconds = Number(this.node.tryGetContext("seconds") ?? 30);
    const bucket = new s3.Bucket(this, "Bucket", { versioned: true, removalPolicy: RemovalPolicy.DESTROY });
    const queue = new sqs.Queue(this, "Queue", { visibilityTimeout: Duration.seconds(seconds) });
    const answer = new lambda.Function(this, "Answer", {
      runtime: lambda.Runtime.PYTHON_3_12,
      handler: "index.handler",
      code: lambda.Code.fromAsset(path.join(__dirname, "function")),
      environment: { BUCKET: bucket.bucketName, SECONDS: String(seconds) },
      timeout: Duration.seconds(30),
    });
    bucket.grantReadWrite(answer);
    const machine = new sfn.StateMachine(this, "Machine", {
      definitionBody: sfn.DefinitionBody.fromChainable(
        new tasks.LambdaInvoke(this, "Invoke", { lambdaFunction: answer, outputPath: "$.Payload" }),
      ),
    });
    const rule = new events.Rule(this, "Rule", { eventPattern: { source: ["small.app"] } });
    rule.addTarget(new targets.SqsQueue(queue));
    rule.addTarget(new targets.SfnStateMachine(machine));
    const provider = new lambda.Function(this, "Provider", {
      runtime: lambda.Runtime.PYTHON_3_12,
      handler: "index.handler",
      code: lambda.Code.fromInline(PROVIDER),
      timeout: Duration.seconds(30),
    });
    const reversed = new CustomResource(this, "Reversed", {
      serviceToken: provider.functionArn,
      resourceType: "Custom::Reversed",
      properties: { Text: `after ${seconds} s` },
    });
    new CfnOutput(this, "BucketName", { value: bucket.bucketName });
    new CfnOutput(this, "QueueUrl", { value: queue.queueUrl });
    new CfnOutput(this, "MachineArn", { value: machine.stateMachineArn });
    new CfnOutput(this, "FunctionName", { value: answer.functionName });
    new CfnOutput(this, "Text", { value: reversed.getAttString("Reversed"), exportName: "small-app-text" });
  }
}

new SmallApp(new App(), "SmallApp");
