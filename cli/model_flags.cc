#include "cli/model_flags.h"

#include <cstdlib>
#include <iostream>
#include <optional>
#include <utility>

#include "absl/status/status.h"
#include "bundle/code_cache.h"
#include "bundle/reader.h"
#include "cli/cache_folder.h"
#include "cli/default_model.h"
#include "cli/output.h"
#include "cli/progress.h"
#include "engine/bundle_options.h"
#include "frontends/model_folder.h"

namespace lluda::cli {

absl::StatusOr<std::string> ModelFolder(const std::string& model) {
  if (bundle::Bundle::Looks(model)) return model;
  return frontends::FindModelFolder(model, DefaultModelFolder(),
                                    [](const char* name) { return std::getenv(name); });
}

absl::StatusOr<engine::ModuleOptions> ModuleOptionsOf(const ModelFlags& flags) {
  engine::ModuleOptions options;
  if (bundle::Bundle::Looks(flags.model)) {
    absl::StatusOr<std::unique_ptr<bundle::Bundle>> bundle = bundle::Bundle::Open(flags.model);
    if (!bundle.ok()) return bundle.status();
    absl::Status same = engine::CheckNumbers(**bundle, flags.precision, flags.kv_cache);
    if (!same.ok()) return same;
    absl::StatusOr<engine::ModuleOptions> numbers = engine::NumbersOf(**bundle);
    if (!numbers.ok()) return numbers.status();
    options = *numbers;
  } else {
    absl::StatusOr<engine::Precision> precision =
        engine::ParsePrecision(flags.precision.empty() ? "bf16" : flags.precision);
    if (!precision.ok()) return precision.status();
    absl::StatusOr<engine::KvCache> kv_cache = engine::ParseKvCache(flags.kv_cache, *precision);
    if (!kv_cache.ok()) return kv_cache.status();
    options.precision = *precision;
    options.kv_cache = *kv_cache;
  }
  options.context = flags.context.value_or(0);
  return options;
}

absl::StatusOr<std::optional<engine::ModuleText>> IrFileOf(const ModelFlags& flags) {
  std::optional<engine::ModuleText> source;
  if (flags.ir_file.empty()) return source;
  absl::StatusOr<std::string> text = ReadInput(flags.ir_file);
  if (!text.ok()) return text.status();
  source = {flags.ir_file == "-" ? "stdin" : flags.ir_file, *std::move(text)};
  return source;
}

absl::StatusOr<engine::LoadOptions> LoadOptionsOf(const ModelFlags& flags) {
  engine::LoadOptions options;
  absl::StatusOr<std::string> folder = ModelFolder(flags.model);
  if (!folder.ok()) return folder.status();
  absl::StatusOr<engine::ModuleOptions> module = ModuleOptionsOf(flags);
  if (!module.ok()) return module.status();
  options.folder = *std::move(folder);
  options.module = *module;
  absl::StatusOr<std::optional<engine::ModuleText>> ir = IrFileOf(flags);
  if (!ir.ok()) return ir.status();
  options.ir = *std::move(ir);
  options.perf = flags.perf;
  options.gdb = flags.gdb;
  options.threads = flags.threads;
  options.isa = flags.isa;
  options.check_weights = flags.check;
  options.force = flags.force;
  options.notice = [](const std::string& line) { std::cerr << "lluda: " << line << "\n"; };
  return options;
}

absl::StatusOr<std::unique_ptr<engine::Model>> LoadModel(const ModelFlags& flags,
                                                         bool need_tokenizer,
                                                         bool record_activations) {
  absl::StatusOr<engine::LoadOptions> options = LoadOptionsOf(flags);
  if (!options.ok()) return options.status();
  // Without the cache everything takes longer, and that is all.
  std::optional<bundle::CodeCache> cache;
  const std::string cache_folder = CacheFolder([](const char* name) { return std::getenv(name); });
  if (flags.use_cache && !cache_folder.empty() && !bundle::Bundle::Looks(options->folder)) {
    absl::StatusOr<bundle::CodeCache> opened =
        bundle::CodeCache::Open(cache_folder, bundle::kDefaultCacheBytes);
    if (opened.ok()) {
      options->code_cache = &cache.emplace(*std::move(opened));
    } else {
      std::cerr << "lluda: " << opened.status().message() << "; compiled code is not kept\n";
    }
  }
  ProgressLine progress("loading");
  options->module.record_activations = record_activations;
  options->need_tokenizer = need_tokenizer;
  options->progress = [&](int64_t done, int64_t total) { progress.Show(done, total); };
  return engine::Model::Load(*options);
}

}  // namespace lluda::cli
