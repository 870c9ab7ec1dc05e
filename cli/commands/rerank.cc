// lluda rerank: how well documents answer a query, JSON lines in and out.
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "base/files/whole_file.h"
#include "base/status_macros.h"
#include "cli/commands/commands.h"
#include "cli/flags/model_flags.h"
#include "cli/terminal/output.h"
#include "engine/embed/reranker.h"
#include "tools/run/embedding_report.h"

namespace lluda::cli {

absl::StatusOr<int> Run(const RerankFlags& flags) {
  const std::string file = flags.file.value_or("-");
  ASSIGN_OR_RETURN(const std::string lines, base::ReadInput(file));
  ASSIGN_OR_RETURN(const std::vector<tools::RerankInput> inputs,
                   tools::ReadQueries(file == "-" ? "stdin" : file, lines, flags.query));
  ASSIGN_OR_RETURN(engine::LoadOptions options, LoadOptionsOf(flags.model));
  ASSIGN_OR_RETURN(const tokenizer::ChatFormat format, options.source->ReadChatFormat());
  ASSIGN_OR_RETURN(std::unique_ptr<engine::Model> model,
                   LoadModel(std::move(options), flags.model.use_cache));
  ASSIGN_OR_RETURN(std::unique_ptr<engine::Reranker> reranker,
                   engine::Reranker::Create(model.get(), format));
  std::vector<tools::RerankRow> rows;
  for (const tools::RerankInput& input : inputs) {
    engine::RerankQuery query{input.query, input.documents};
    if (flags.instruction) query.instruction = *flags.instruction;
    absl::StatusOr<std::vector<double>> scores = reranker->Score(query);
    const auto index = static_cast<int64_t>(&input - inputs.data());
    if (!scores.ok()) {
      return absl::Status(scores.status().code(),
                          absl::StrCat(input.place, ": ", scores.status().message()));
    }
    tools::RerankRow row{input.id, index, *std::move(scores)};
    if (!flags.json) RETURN_IF_ERROR(WriteStdout(tools::RerankLine(row)));
    if (flags.json) rows.push_back(std::move(row));
  }
  return flags.json ? Print(tools::RerankJson(rows)) : 0;
}

}  // namespace lluda::cli
