#include "engine/weight_budget/chosen_text.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

namespace lluda::engine {
namespace {

double Megabytes(int64_t bytes) { return static_cast<double>(bytes) / 1e6; }

}  // namespace

std::string ChosenText(const frontends::ChosenWeights& chosen) {
  size_t width = 0;
  for (const auto& row : chosen.rows) width = std::max(width, row.matrices.size());
  std::string text = absl::StrFormat("weights by --budget %s, measured on %d tokens of %s\n",
                                     chosen.budget, chosen.positions, chosen.text);
  for (const auto& row : chosen.rows) {
    absl::StrAppendFormat(&text, "  %-*s  %-8s %10.3f MB  KL alone %.2e\n", static_cast<int>(width),
                          row.matrices, row.type.empty() ? "as it is" : row.type,
                          Megabytes(row.bytes), row.kl);
  }
  absl::StrAppendFormat(
      &text,
      "  measured: KL %.4e nats, the same likeliest token in %.2f%%, %d bytes in place of %d; the "
      "budget: %s\n",
      chosen.kl, 100 * static_cast<double>(chosen.same_top) / static_cast<double>(chosen.positions),
      chosen.bytes, chosen.plain_bytes, chosen.budget);
  return text;
}

void AppendChosenJson(const frontends::ChosenWeights& chosen, base::JsonWriter* json) {
  json->Key("budget").String(chosen.budget);
  json->Key("text").String(chosen.text);
  json->Key("positions").Int(chosen.positions);
  json->Key("kl_mean").Number(chosen.kl);
  json->Key("likeliest_equal").Int(chosen.same_top);
  json->Key("bytes").Int(chosen.bytes);
  json->Key("plain_bytes").Int(chosen.plain_bytes);
  json->Key("rows").BeginArray();
  for (const auto& row : chosen.rows) {
    json->BeginObject();
    json->Key("matrices").String(row.matrices);
    json->Key("type").String(row.type);
    json->Key("bytes").Int(row.bytes);
    json->Key("kl").Number(row.kl);
    json->EndObject();
  }
  json->EndArray();
}

}  // namespace lluda::engine
