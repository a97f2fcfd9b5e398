//! Hrana 3 in Protobuf, as much of it as a client needs:
//! <https://github.com/tursodatabase/libsql/blob/main/docs/HRANA_3_SPEC.md>. Tags are the specification's.
//! Text is read as bytes: a server that sends what is not UTF-8 is no reason to refuse the whole reply.

use std::collections::HashMap;

use bytes::Bytes;

#[derive(Clone, PartialEq, prost::Message)]
pub struct PipelineRequest {
    #[prost(string, optional, tag = "1")]
    pub baton: Option<String>,
    #[prost(message, repeated, tag = "2")]
    pub requests: Vec<StreamRequest>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub struct PipelineResponse {
    #[prost(string, optional, tag = "1")]
    pub baton: Option<String>,
    #[prost(string, optional, tag = "2")]
    pub base_url: Option<String>,
    #[prost(message, repeated, tag = "3")]
    pub results: Vec<StreamResult>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub struct StreamRequest {
    #[prost(oneof = "Request", tags = "1, 2, 3, 5, 8")]
    pub request: Option<Request>,
}

/// What a stream is asked for.
#[derive(Clone, PartialEq, prost::Oneof)]
pub enum Request {
    /// Ends the stream, and rolls back what it left open.
    #[prost(message, tag = "1")]
    Close(Empty),
    #[prost(message, tag = "2")]
    Execute(ExecuteRequest),
    #[prost(message, tag = "3")]
    Batch(BatchRequest),
    /// Compiles a statement.
    #[prost(message, tag = "5")]
    Describe(SqlRequest),
    #[prost(message, tag = "8")]
    GetAutocommit(Empty),
}

#[derive(Clone, PartialEq, prost::Message)]
pub struct StreamResult {
    #[prost(oneof = "Outcome", tags = "1, 2")]
    pub outcome: Option<Outcome>,
}

#[derive(Clone, PartialEq, prost::Oneof)]
pub enum Outcome {
    #[prost(message, tag = "1")]
    Ok(StreamResponse),
    #[prost(message, tag = "2")]
    Error(ServerError),
}

#[derive(Clone, PartialEq, prost::Message)]
pub struct StreamResponse {
    #[prost(oneof = "Response", tags = "1, 2, 3, 5, 8")]
    pub response: Option<Response>,
}

/// What a stream answers.
#[derive(Clone, PartialEq, prost::Oneof)]
pub enum Response {
    #[prost(message, tag = "1")]
    Close(Empty),
    #[prost(message, tag = "2")]
    Execute(ExecuteResponse),
    #[prost(message, tag = "3")]
    Batch(BatchResponse),
    #[prost(message, tag = "5")]
    Describe(DescribeResponse),
    #[prost(message, tag = "8")]
    GetAutocommit(AutocommitResponse),
}

#[derive(Clone, PartialEq, prost::Message)]
pub struct Empty {}

#[derive(Clone, PartialEq, prost::Message)]
pub struct ExecuteRequest {
    #[prost(message, optional, tag = "1")]
    pub stmt: Option<Stmt>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub struct ExecuteResponse {
    #[prost(message, optional, tag = "1")]
    pub result: Option<StmtResult>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub struct BatchRequest {
    #[prost(message, optional, tag = "1")]
    pub batch: Option<Batch>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub struct BatchResponse {
    #[prost(message, optional, tag = "1")]
    pub result: Option<BatchResult>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub struct SqlRequest {
    #[prost(string, optional, tag = "1")]
    pub sql: Option<String>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub struct DescribeResponse {
    #[prost(message, optional, tag = "1")]
    pub result: Option<DescribeResult>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub struct AutocommitResponse {
    #[prost(bool, tag = "1")]
    pub is_autocommit: bool,
}

#[derive(Clone, PartialEq, prost::Message)]
pub struct ServerError {
    #[prost(bytes = "bytes", tag = "1")]
    pub message: Bytes,
    #[prost(bytes = "bytes", tag = "2")]
    pub code: Bytes,
}

#[derive(Clone, PartialEq, prost::Message)]
pub struct Stmt {
    #[prost(string, optional, tag = "1")]
    pub sql: Option<String>,
    #[prost(message, repeated, tag = "3")]
    pub args: Vec<Value>,
    #[prost(message, repeated, tag = "4")]
    pub named_args: Vec<NamedArg>,
    #[prost(bool, optional, tag = "5")]
    pub want_rows: Option<bool>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub struct NamedArg {
    #[prost(string, tag = "1")]
    pub name: String,
    #[prost(message, optional, tag = "2")]
    pub value: Option<Value>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub struct StmtResult {
    #[prost(message, repeated, tag = "1")]
    pub cols: Vec<Col>,
    #[prost(message, repeated, tag = "2")]
    pub rows: Vec<Row>,
    #[prost(uint64, tag = "3")]
    pub affected_row_count: u64,
    #[prost(sint64, optional, tag = "4")]
    pub last_insert_rowid: Option<i64>,
    #[prost(uint64, optional, tag = "5")]
    pub replication_index: Option<u64>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub struct Col {
    #[prost(bytes = "bytes", optional, tag = "1")]
    pub name: Option<Bytes>,
    #[prost(bytes = "bytes", optional, tag = "2")]
    pub decltype: Option<Bytes>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub struct Row {
    #[prost(message, repeated, tag = "1")]
    pub values: Vec<Value>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub struct Value {
    #[prost(oneof = "Kind", tags = "1, 2, 3, 4, 5")]
    pub kind: Option<Kind>,
}

#[derive(Clone, PartialEq, prost::Oneof)]
pub enum Kind {
    #[prost(message, tag = "1")]
    Null(Empty),
    #[prost(sint64, tag = "2")]
    Integer(i64),
    #[prost(double, tag = "3")]
    Float(f64),
    #[prost(bytes = "bytes", tag = "4")]
    Text(Bytes),
    #[prost(bytes = "bytes", tag = "5")]
    Blob(Bytes),
}

#[derive(Clone, PartialEq, prost::Message)]
pub struct Batch {
    #[prost(message, repeated, tag = "1")]
    pub steps: Vec<BatchStep>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub struct BatchStep {
    #[prost(message, optional, tag = "1")]
    pub condition: Option<BatchCond>,
    #[prost(message, optional, tag = "2")]
    pub stmt: Option<Stmt>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub struct BatchCond {
    #[prost(oneof = "Cond", tags = "1, 3, 4, 6")]
    pub cond: Option<Cond>,
}

/// When a step is executed.
#[derive(Clone, PartialEq, prost::Oneof)]
pub enum Cond {
    /// The step of that number was.
    #[prost(uint32, tag = "1")]
    StepOk(u32),
    #[prost(message, tag = "3")]
    Not(Box<BatchCond>),
    #[prost(message, tag = "4")]
    And(BatchCondList),
    #[prost(message, tag = "6")]
    IsAutocommit(Empty),
}

#[derive(Clone, PartialEq, prost::Message)]
pub struct BatchCondList {
    #[prost(message, repeated, tag = "1")]
    pub conds: Vec<BatchCond>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub struct BatchResult {
    #[prost(map = "uint32, message", tag = "1")]
    pub step_results: HashMap<u32, StmtResult>,
    #[prost(map = "uint32, message", tag = "2")]
    pub step_errors: HashMap<u32, ServerError>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub struct DescribeResult {
    #[prost(message, repeated, tag = "1")]
    pub params: Vec<DescribeParam>,
    #[prost(message, repeated, tag = "2")]
    pub cols: Vec<Col>,
    #[prost(bool, tag = "3")]
    pub is_explain: bool,
    #[prost(bool, tag = "4")]
    pub is_readonly: bool,
}

#[derive(Clone, PartialEq, prost::Message)]
pub struct DescribeParam {
    #[prost(bytes = "bytes", optional, tag = "1")]
    pub name: Option<Bytes>,
}
