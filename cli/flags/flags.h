// The flags of each subcommand as plain values, and those that several of them share.
//
//   GenerateFlags flags;
//   flags.model.model = "Qwen/Qwen3-0.6B";
//   flags.sampler.temperature = 0;
#ifndef LLUDA_CLI_FLAGS_FLAGS_H_
#define LLUDA_CLI_FLAGS_FLAGS_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace lluda::cli {

// In which numbers a model computes.
struct NumberFlags {
  std::string precision;    // "bf16" or "f32"; empty: bf16, or what a bundle was compiled with
  std::string kv_cache;     // "int8"; empty: as the precision or the bundle has it
  std::string weights;      // "q4_0": quantised to while loading; empty: as the model has them
  std::string imatrix;      // a file of `lluda imatrix` for that; empty: none
  std::string activations;  // "int8"; empty: exact, or as a bundle has it
  std::string budget;       // "kl=0.01", of weights "auto"; empty: none
  std::optional<std::string> calibrate;  // the text for that; unset: the default model's
};

// Which model, and how it is run.
struct ModelFlags : NumberFlags {
  std::string model;          // a folder, a file, a hub name, or empty for the default model
  std::string tokenizer;      // a folder whose tokenizer is used; empty: the model's own
  std::string result;         // "logits" or "hidden"; empty: logits, or what a bundle gives
  bool partial_head = false;  // the LM head is held in 8 bits, too, and read in part
  std::string isa = "host";
  std::string device = "cpu";  // "cuda", "gpu-sim"
  std::optional<int64_t> context;
  int threads = 0;
  bool force = false;  // load also what needs more memory than there is
  bool use_cache = true;
  bool check = false;  // of a bundle: all of it is hashed before it is run
  bool perf = false;   // tell perf the kernels' names
  bool gdb = false;
  std::string ir_file;  // a dump to run instead of the imported module; "-" is stdin
};

// What is left out comes from the model's generation_config.json.
struct SamplerFlags {
  std::optional<double> temperature, top_p, min_p;
  std::optional<double> repetition_penalty, presence_penalty, frequency_penalty;
  std::optional<int64_t> top_k;
  int64_t seed = 0;  // at least 0
};

struct PromptFlags {
  std::optional<std::string> text;
  std::optional<std::string> file;  // "-" is stdin
};

// What a generated text has to be; at most one is given.
struct GrammarFlags {
  std::string schema_file;           // a JSON schema, - is stdin; empty: none
  std::optional<std::string> regex;  // the whole text
};

struct GenerateFlags {
  ModelFlags model;
  SamplerFlags sampler;
  PromptFlags prompt;
  int64_t max_new_tokens = 256;
  std::vector<std::string> stops;
  std::string speculate = "off";
  GrammarFlags grammar;
  bool stats = false;
  bool json = false;
  std::string trace_file;
};

struct ChatFlags {
  GenerateFlags generate;
  std::string system;
  std::optional<bool> thinking;  // unset: as the template has it
  std::string tools_file;        // JSON; empty: none
  std::string template_file;     // instead of the model's own; empty: that
  bool show_prompt = false;
};

struct TokenizeFlags {
  std::string model;
  std::string tokenizer;  // as in ModelFlags
  PromptFlags prompt;
  bool jsonl = false;
  bool json = false;
  bool text_only = false;  // without the tokens that the tokenizer puts around a text
};

struct EmbedFlags {
  ModelFlags model;
  PromptFlags input;        // one text, or a file of lines
  std::string prompt_name;  // of the model's prompts; empty: its default one
  std::optional<std::string> instruction;
  std::optional<int64_t> dimensions;  // unset: all
  bool json = false;
};

struct RerankFlags {
  ModelFlags model;
  std::optional<std::string> file;   // of lines; unset and "-": stdin
  std::optional<std::string> query;  // of lines that have none
  std::optional<std::string> instruction;
  bool json = false;
};

struct TranscribeFlags {
  ModelFlags model;
  std::vector<std::string> files;  // sounds; "-" is stdin
  std::string language;            // a name or a code; empty: the model finds out
  std::string about;               // names and words that the sounds may have
  bool json = false;
};

// Times are in seconds, sizes in bytes.
struct ServeFlags {
  ModelFlags model;
  std::string chat_template_file;  // instead of the model's own; empty: that
  std::vector<std::string> aliases;
  bool embeddings = false;  // of texts, instead of texts

  std::string host = "127.0.0.1";
  std::optional<int> port;  // 0: any; unset: 8080, or with a socket in the file system none
  std::string unix_path;    // empty: none
  std::string api_key_file;
  bool no_auth = false;
  std::vector<std::string> allow_hosts, allow_origins;
  bool public_metrics = false;

  int64_t max_sequences = 8;
  int64_t kv_memory = 0;  // bytes; 0: see engine::ServiceOptions
  int64_t max_queue = 256;
  double queue_seconds = 120;
  double request_seconds = 3600;
  double step_ms = 60;
  bool share_prefixes = false;

  int64_t max_body = int64_t{8} << 20;
  int64_t max_connections = 4096;
  double drain_seconds = 30;
  bool strict_fields = false;
  std::string log = "text";
  std::string log_text_file;  // of prompts and answers; empty: none
  bool plan = false;
};

struct IrFlags {
  ModelFlags model;
  bool before = false;
  std::string after;  // a pass's name, or its number in the pipeline
  std::string passes = "rest";
  std::string all_folder;
  std::optional<std::string> diff;  // "" for all passes, or a pass's name or number
  std::string func;                 // "attn", "load"; empty for all
  std::string entry;                // "audio"; empty for all
  bool plan = false;
  std::string color = "auto";
  bool json = false;
};

struct AsmFlags {
  ModelFlags model;
  std::string op;     // a statement, "attn.qkv" or "@attn %qkv", or a kernel's name
  std::string entry;  // "audio"; empty for all
  bool list = false;
  std::string emit = "asm";
  bool json = false;
};

struct ExplainFlags {
  ModelFlags model;
  std::string entry;              // "audio"; empty: the step
  std::optional<int64_t> tokens;  // a prompt of so many; unset: one token after `depth` others
  std::optional<int64_t> depth;   // unset: 128
  bool json = false;
};

struct ReportFlags {
  ModelFlags model;
  std::string output;  // empty: no page
  bool json = false;
  std::string entry;  // "audio"; empty: all in the passes, the step in what is run
  bool measure = true;
  std::optional<int64_t> tokens;  // of the prompt that is run; unset: 512, or the context
  std::optional<int64_t> depth;   // before the single token that is run; unset: 128, if they fit
};

struct VerifyFlags {
  ModelFlags model;
  std::string entry;              // "audio"; empty: the step
  std::optional<int64_t> layers;  // at least 1
  std::optional<int64_t> tokens;  // at least 1; unset: tools::kVerifiedTokens
  std::string repro_file = "repro.lluda";
  std::string reference;  // empty: the import is taken to be right
  bool as_is = false;     // of a dump: it is taken to be right
  bool json = false;
};

struct ValidateFlags {
  ModelFlags model;
  std::string reference;
  bool json = false;
};

struct EvalFlags {
  ModelFlags model;                 // its context is the windows'
  std::optional<std::string> file;  // unset: the text that comes with the default model
  std::optional<int64_t> stride;    // unset: half a window
  // Another model, or the same one if that is empty, with numbers of its own; no other where it asks for
  // nothing.
  ModelFlags against;
  bool json = false;
};

struct ImatrixFlags {
  ModelFlags model;  // its context is the windows'
  std::optional<std::string> file;
  std::string output;
};

struct CompileFlags {
  ModelFlags model;
  std::string output;
  std::vector<std::string> emit;  // beside the bundle: "object", "header"
  bool json = false;
};

struct InspectFlags {
  std::string model;
  bool json = false;
};

enum class CacheAction : uint8_t { kList, kPrune, kVerify };

struct CacheFlags {
  CacheAction action = CacheAction::kList;
  int64_t max_bytes = int64_t{256} << 20;
  std::string file;  // a bundle to verify instead
  bool json = false;
};

struct BenchFlags {
  ModelFlags model;
  std::vector<int64_t> prompt_tokens = {512};  // at least one, each at least 1
  std::vector<int64_t> depths = {0};           // at least one
  int64_t gen_tokens = 128;                    // at least 1
  int repeat = 5;                              // at least 1
  std::vector<int64_t> streams;                // each 1 to 64
  std::vector<int64_t> batch;                  // each 1 to 64
  std::vector<std::string> peers;              // LLAMA_BENCH,GGUF[,FLAG...]
  std::string json_file;                       // empty: none; "-": stdout, instead of the text
  bool stats = false;
  std::string entry;               // "audio"; empty: the step
  std::optional<int64_t> seconds;  // of sound, at least 1; unset: 30
};

}  // namespace lluda::cli

#endif  // LLUDA_CLI_FLAGS_FLAGS_H_
