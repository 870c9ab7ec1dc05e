// The flags of the server.
#include <cstdint>
#include <string>

#include "CLI/App.hpp"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "cli/flags/argument_groups.h"
#include "cli/flags/subcommands.h"

namespace lluda::cli {
namespace {

// As CLI::Range, which would let through what is no number.
CLI::Validator Between(double least, double most) {
  const std::string range = absl::StrCat(least, " to ", most);
  return CLI::Validator(
      [=](std::string& text) -> std::string {
        double value = 0;
        if (absl::SimpleAtod(text, &value) && value >= least && value <= most) return "";
        return absl::StrCat("Value ", text, " not in range ", range);
      },
      absl::StrCat("FLOAT in [", range, "]"));
}

void AddServeAccess(CLI::App* sub, ServeFlags* flags) {
  sub->add_option("--host", flags->host, "The address to listen on")->capture_default_str();
  sub->add_option("--port", flags->port, "The port [8080; 0: any that is free]")
      ->check(CLI::Range(0, 65535));
  sub->add_option("--unix", flags->unix_path,
                  "Listen on a socket at this path, and on a port only if --port is given");
  sub->add_option("--api-key-file", flags->api_key_file,
                  "Keys that clients need, lines NAME:KEY; also LLUDA_API_KEYS [nobody needs one]");
  sub->add_flag("--no-auth", flags->no_auth, "Listen beyond this machine without keys");
  sub->add_option("--allow-host", flags->allow_hosts,
                  "Also answer to this name; repeatable [localhost, 127.0.0.1, [::1]]");
  sub->add_option("--allow-origin", flags->allow_origins,
                  "Pages of this site may ask, https://NAME; repeatable");
  sub->add_flag("--public-metrics", flags->public_metrics, "/metrics needs no key");
}

void AddServeLimits(CLI::App* sub, ServeFlags* flags) {
  constexpr int64_t kMostSequences = 256;
  sub->add_option("--max-sequences", flags->max_sequences, "Texts that are written side by side")
      ->check(CLI::Range(int64_t{1}, kMostSequences))
      ->capture_default_str();
  AddSize(sub, "--kv-memory", &flags->kv_memory,
          "Keys and values of all texts together, such as 4GiB [what they could fill, at most half "
          "of the memory that is left]",
          1, int64_t{1} << 50);
  sub->add_option("--max-queue", flags->max_queue, "Requests that may wait")
      ->check(CLI::Range(int64_t{1}, int64_t{1} << 20))
      ->capture_default_str();
  sub->add_option("--queue-seconds", flags->queue_seconds, "How long one may wait")
      ->check(Between(0.001, 1e6))
      ->capture_default_str();
  sub->add_option("--request-seconds", flags->request_seconds,
                  "How long one may take in all until it is ended with an error")
      ->check(Between(0.001, 1e9))
      ->capture_default_str();
  sub->add_option(
         "--step-ms", flags->step_ms,
         "How long a step may take that reads prompts while texts are written, if those do not "
         "take most of it themselves")
      ->check(Between(1.0, 1e5))
      ->capture_default_str();
  sub->add_flag("--share-prefixes", flags->share_prefixes,
                "What is computed of a prompt is used for other keys' requests, too");
  AddSize(sub, "--max-body", &flags->max_body, "Bytes of a request, or with a unit [8MiB]", 1,
          int64_t{1} << 30);
  sub->add_option("--max-connections", flags->max_connections, "Connections at a time")
      ->check(CLI::Range(int64_t{1}, int64_t{1} << 20))
      ->capture_default_str();
  sub->add_option("--drain-seconds", flags->drain_seconds,
                  "After SIGTERM, how long answers that have begun may go on")
      ->check(Between(0.0, 1e6))
      ->capture_default_str();
  sub->add_flag("--strict-fields", flags->strict_fields,
                "Refuse requests with unknown fields instead of naming these in a header");
}

}  // namespace

CLI::Option* AddServing(CLI::App* app, ServeFlags* flags) {
  app->add_option("--chat-template", flags->chat_template_file,
                  "A Jinja template to use instead of the model's own");
  app->add_option("--alias", flags->aliases, "Another name of the model; repeatable");
  AddServeAccess(app, flags);
  AddServeLimits(app, flags);
  app->add_option("--log", flags->log, "A line for each request on stderr: json, text, off")
      ->check(CLI::IsMember({"json", "text", "off"}))
      ->capture_default_str();
  app->add_option("--log-text", flags->log_text_file,
                  "A file, for its owner alone, that prompts and answers are added to [none]");
  return app->add_flag("--plan", flags->plan, "Print what memory is needed for, and end");
}

CLI::App* AddServe(CLI::App* app, ServeFlags* flags) {
  CLI::App* sub = app->add_subcommand("serve", "Answer requests of OpenAI's API over HTTP");
  AddGenerationModel(sub, &flags->model);
  CLI::Option* plan = AddServing(sub, flags);
  sub->add_flag("--embeddings", flags->embeddings,
                "Answer /v1/embeddings with vectors of texts, instead of writing texts")
      ->excludes(plan);
  return sub;
}

}  // namespace lluda::cli
