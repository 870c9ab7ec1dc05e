#include "engine/compile/c_header.h"

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"

namespace lluda::engine {
namespace {

constexpr char kTemplate[] =
    R"(/* A model compiled by lluda. Link with the object file beside this header; nothing else is needed.
 *
 * CPU features the code uses: $features.
 */
#ifndef $NAME_H_
#define $NAME_H_

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

enum {
  $NAME_CONTEXT = $context,    /* the most tokens of a text */
  $NAME_MAX_STEP = $max_step,  /* the most tokens of one step */
  $NAME_MAX_BACK = $max_back,  /* the most tokens that a text is taken back by */
  $NAME_VOCABULARY = $vocabulary
};

/* 1 if the code uses AMX: on Linux a process asks for its registers before the first step, with
 * syscall(SYS_arch_prctl, 0x1023, 18), which returns 0 if it may. */
#define $NAME_NEEDS_AMX $needs_amx

/* Where the weights lie in the bundle, and how long they are. */
#define $NAME_WEIGHTS_OFFSET INT64_C($weights_offset)
#define $NAME_WEIGHTS_BYTES INT64_C($weights_bytes)
/* The memory that $name_memory points to. */
#define $NAME_STATE_BYTES INT64_C($state_bytes)
#define $NAME_FRAME_BYTES INT64_C($frame_bytes)
#define $NAME_SCRATCH_BYTES INT64_C($scratch_bytes)

/* All pointers are multiples of 64. */
typedef struct {
  const void* weights; /* only read: map them from the bundle */
  void* states;        /* of one text: zero at first, kept from step to step */
  void* frame;         /* of any contents, as is scratch */
  void* scratch;
} $name_memory;

/* Computes `count` tokens of a text, the first of them at `position`; those before have been computed
 * with the same states, and at most $NAME_MAX_BACK from there on. Writes $NAME_VOCABULARY logits of what follows the last one. Runs on the
 * calling thread; threads with memory of their own may run side by side. Returns 0, or -1 if count is
 * not 1 to $NAME_MAX_STEP or the text would be longer than $NAME_CONTEXT. Tokens are not checked:
 * each must be 0 to $NAME_VOCABULARY - 1. */
int $name_step(const $name_memory* memory, const int32_t* tokens, int32_t count, int32_t position,
               float* logits);

#ifdef __cplusplus
}
#endif

#endif /* $NAME_H_ */
)";

}  // namespace

std::string CName(absl::string_view text) {
  std::string name(text);
  for (char& c : name) {
    if (!absl::ascii_isalnum(static_cast<unsigned char>(c))) c = '_';
  }
  if (name.empty() || absl::ascii_isdigit(static_cast<unsigned char>(name[0]))) {
    name.insert(0, "model_");
  }
  return name;
}

std::string CHeader(const std::string& name, const CInterface& interface) {
  return absl::StrReplaceAll(
      kTemplate, {{"$NAME", absl::AsciiStrToUpper(name)},
                  {"$name", name},
                  {"$features", interface.cpu_features.empty() ? "those of every x86-64"
                                                               : interface.cpu_features},
                  {"$needs_amx", absl::StrContains(interface.cpu_features, "amx-tile") ? "1" : "0"},
                  {"$context", absl::StrCat(interface.context)},
                  {"$max_step", absl::StrCat(interface.max_step)},
                  {"$max_back", absl::StrCat(interface.max_back)},
                  {"$vocabulary", absl::StrCat(interface.vocabulary)},
                  {"$weights_offset", absl::StrCat(interface.weights_offset)},
                  {"$weights_bytes", absl::StrCat(interface.weights_bytes)},
                  {"$state_bytes", absl::StrCat(interface.state_bytes)},
                  {"$frame_bytes", absl::StrCat(interface.frame_bytes)},
                  {"$scratch_bytes", absl::StrCat(interface.scratch_bytes)}});
}

}  // namespace lluda::engine
