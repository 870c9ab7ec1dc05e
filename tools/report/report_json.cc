#include "tools/report/report_json.h"

#include "absl/strings/str_replace.h"
#include "base/json/json_writer.h"

namespace lluda::tools {
namespace {

// Puts one value after another into a document.
class ReportWriter {
 public:
  void Put(const Report& report) {
    json_.BeginDocument("lluda.report/1").Key("header");
    Put(report.header);
    json_.Key("steps");
    PutAll(report.pipeline.steps());
    json_.Key("functions");
    PutAll(report.pipeline.functions());
    json_.Key("globals");
    PutAll(report.pipeline.globals());
    json_.Key("runs");
    PutAll(report.runs);
    json_.Key("calls");
    PutAll(report.calls);
    json_.Key("buffers");
    PutAll(report.buffers);
    json_.Key("memory");
    Put(report.memory);
    json_.EndObject();
  }

  const std::string& text() const { return json_.text(); }

 private:
  void Put(const ReportHeader& header) {
    json_.BeginObject();
    json_.Key("model").String(header.model);
    if (!header.entry.empty()) json_.Key("entry").String(header.entry);
    json_.Key("ir_file").String(header.ir_file);
    json_.Key("is_bundle").Bool(header.is_bundle);
    json_.Key("cpu").String(header.cpu);
    json_.Key("isa").String(header.isa);
    json_.Key("threads").Int(header.threads);
    json_.Key("context").Int(header.context);
    json_.Key("max_step").Int(header.max_step);
    json_.Key("lluda").String(header.lluda_version);
    json_.Key("llvm").String(header.llvm_version);
    json_.EndObject();
  }

  void Put(const ReportStatement& statement) {
    json_.BeginObject();
    json_.Key("name").String(statement.name);
    json_.Key("op").String(statement.op);
    json_.Key("text").String(statement.text);
    json_.Key("type").String(statement.type);
    json_.Key("reads").Strings(statement.reads);
    json_.Key("view").Bool(statement.is_view);
    if (statement.loop) json_.Key("loop").Int(*statement.loop);
    if (!statement.carried.empty()) json_.Key("carried").String(statement.carried);
    if (!statement.callee.empty()) json_.Key("callee").String(statement.callee);
    json_.Key("from").Strings(statement.from);
    json_.Key("by").Strings(statement.by);
    json_.Key("module").String(statement.module);
    json_.EndObject();
  }

  void Put(const ReportParameter& parameter) {
    json_.BeginObject();
    json_.Key("name").String(parameter.name);
    json_.Key("type").String(parameter.type);
    json_.EndObject();
  }

  // An array of what has a Put of its own.
  template <typename T>
  void PutAll(const std::vector<T>& values) {
    json_.BeginArray();
    for (const T& value : values) Put(value);
    json_.EndArray();
  }

  void Put(const ReportFunction& function) {
    json_.BeginObject();
    json_.Key("name").String(function.name);
    json_.Key("copies").Int(function.copies);
    json_.Key("parameters");
    PutAll(function.parameters);
    json_.Key("statements");
    PutAll(function.statements);
    json_.EndObject();
  }

  void Put(const ReportGlobal& global) {
    json_.BeginObject();
    json_.Key("name").String(global.name);
    json_.Key("kind").String(global.kind);
    json_.Key("dtype").String(global.dtype);
    json_.Key("shape").String(global.shape);
    json_.Key("layout").String(global.layout);
    json_.Key("bytes").Int(global.bytes);
    json_.Key("copies").Int(global.copies);
    json_.Key("source").String(global.source);
    json_.EndObject();
  }

  void Put(const std::vector<ReportGlobal>& globals) { PutAll(globals); }

  void Put(const ir::DiffLine& line) {
    json_.BeginArray().String(std::string(1, line.mark)).String(line.text).EndArray();
  }

  void Put(const ir::SectionDiff& section) {
    json_.BeginObject().Key("name").String(section.name);
    json_.Key("lines");
    PutAll(section.lines);
    json_.EndObject();
  }

  void Put(const passes::Miss& miss) {
    json_.BeginObject();
    json_.Key("func").String(miss.func);
    json_.Key("statement").String(miss.statement);
    json_.Key("reason").String(miss.reason);
    json_.EndObject();
  }

  void Put(const ReportStep& step) {
    json_.BeginObject();
    json_.Key("number").Int(step.number);
    json_.Key("pass").String(step.pass);
    json_.Key("seconds").Number(step.seconds);
    json_.Key("functions").BeginArray();
    for (const size_t place : step.functions) json_.Int(static_cast<int64_t>(place));
    json_.EndArray();
    json_.Key("globals").Int(static_cast<int64_t>(step.globals));
    json_.Key("diff");
    PutAll(step.diff);
    json_.Key("misses");
    PutAll(step.misses);
    json_.EndObject();
  }

  void Put(const ExplainReport& run) {
    AppendExplainJson(run, &json_.BeginObject());
    json_.EndObject();
  }

  void Put(const ReportCall& call) {
    json_.BeginArray().String(call.name).String(call.kernel).EndArray();
  }

  void Put(const FrameBuffer& buffer) {
    json_.BeginObject();
    json_.Key("name").String(buffer.name);
    json_.Key("offset").Int(buffer.offset);
    json_.Key("bytes").Int(buffer.bytes);
    json_.Key("first").Int(buffer.first);
    json_.Key("last").Int(buffer.last);
    json_.EndObject();
  }

  void Put(const MemoryTotals& totals) {
    json_.BeginObject();
    json_.Key("weights").Int(totals.weights);
    json_.Key("loaded").Int(totals.loaded);
    json_.Key("states").Int(totals.states);
    json_.Key("frame").Int(totals.frame);
    json_.Key("workspace").Int(totals.workspace);
    json_.EndObject();
  }

  base::JsonWriter json_;
};

}  // namespace

std::string ReportJson(const Report& report) {
  ReportWriter writer;
  writer.Put(report);
  // JSON has the character in strings only, where it may be spelled this way.
  return absl::StrReplaceAll(writer.text(), {{"<", "\\u003c"}});
}

}  // namespace lluda::tools
