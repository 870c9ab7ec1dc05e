#include "tools/run/cache_report.h"

#include <ctime>

#include "absl/algorithm/container.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "base/json/json_writer.h"
#include "base/status_macros.h"

namespace lluda::tools {
namespace {

using base::CodeCache;

std::string TimeText(int64_t seconds) {
  const std::time_t time = seconds;
  std::tm utc{};
  gmtime_r(&time, &utc);
  char text[32];
  std::strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%S", &utc);
  return text;
}

int64_t BytesOf(const CacheReport& report) {
  int64_t bytes = 0;
  for (const CodeCache::Entry& entry : report.entries) bytes += entry.bytes;
  return bytes;
}

}  // namespace

int64_t CacheReport::damaged() const {
  return absl::c_count_if(entries, [](const CodeCache::Entry& entry) { return !entry.is_intact; });
}

absl::StatusOr<CacheReport> ReportOf(const CodeCache& cache) {
  CacheReport report;
  report.folder = cache.folder();
  ASSIGN_OR_RETURN(report.entries, cache.List());
  return report;
}

std::string CacheListText(const CacheReport& report) {
  std::string text = absl::StrFormat("%10s  %-19s  %s\n", "bytes", "last used (UTC)", "kernel");
  for (const CodeCache::Entry& entry : report.entries) {
    absl::StrAppendFormat(&text, "%10d  %s  %s\n", entry.bytes, TimeText(entry.used_seconds),
                          entry.is_intact ? entry.title : absl::StrCat("damaged: ", entry.path));
  }
  absl::StrAppendFormat(&text, "%10d  in %d kernels, %s\n", BytesOf(report), report.entries.size(),
                        report.folder);
  return text;
}

std::string CacheVerifyText(const CacheReport& report) {
  std::string text;
  for (const CodeCache::Entry& entry : report.entries) {
    if (!entry.is_intact) absl::StrAppend(&text, entry.path, ": damaged\n");
  }
  const int64_t damaged = report.damaged();
  absl::StrAppend(&text, static_cast<int64_t>(report.entries.size()) - damaged, " kernels intact, ",
                  damaged, " damaged\n");
  return text;
}

std::string CacheJson(const CacheReport& report) {
  base::JsonWriter json;
  json.BeginDocument("lluda.cache/1");
  json.Key("folder").String(report.folder);
  json.Key("bytes").Int(BytesOf(report));
  json.Key("damaged").Int(report.damaged());
  json.Key("entries").BeginArray();
  for (const CodeCache::Entry& entry : report.entries) {
    json.BeginObject();
    json.Key("path").String(entry.path);
    json.Key("intact").Bool(entry.is_intact);
    if (entry.is_intact) json.Key("kernel").String(entry.title);
    json.Key("bytes").Int(entry.bytes);
    json.Key("last_used").Int(entry.used_seconds);
    json.EndObject();
  }
  return json.EndArray().EndDocument();
}

std::string PruneText(int64_t freed_bytes) {
  return absl::StrCat("freed ", freed_bytes, " bytes\n");
}

std::string PruneJson(int64_t freed_bytes) {
  base::JsonWriter json;
  return json.BeginDocument("lluda.cache_prune/1")
      .Key("freed_bytes")
      .Int(freed_bytes)
      .EndDocument();
}

std::string IntactBundleText(const std::string& path) { return absl::StrCat(path, ": intact\n"); }

std::string IntactBundleJson(const std::string& path) {
  base::JsonWriter json;
  json.BeginDocument("lluda.cache_bundle/1").Key("bundle").String(path);
  return json.Key("intact").Bool(true).EndDocument();
}

}  // namespace lluda::tools
