// Where the statements of an optimised module came from: which statements as imported, through
// which passes. Followed from dump to dump, since every pass leaves the replaced statement its
// name.
//
//   Provenance provenance;
//   options.dump = [&](int, absl::string_view pass, const ir::Module& module) {
//     provenance.See(pass, module);
//     return absl::OkStatus();
//   };
//   ... run the pipeline ...
//   provenance.Find("attn", "q4")->passes   // {"fuse-rope", "fuse-epilogue"}
//   provenance.Find("attn", "q4")->ops      // {"slice", "slice", "mul", ..., "concat", "cast"}
//
// A new statement under an old name came from the old one and from what only that one read. A new
// name came from the statements whose place its readers took, or from the same name elsewhere, from
// where it was hoisted. A new function is a copy: its statements came from those of the same names. A
// cast that a pass folds into the statement before it is not followed.
#ifndef LLUDA_PASSES_FRAMEWORK_PROVENANCE_H_
#define LLUDA_PASSES_FRAMEWORK_PROVENANCE_H_

#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/string_view.h"
#include "ir/graph.h"

namespace lluda::passes {

struct Origin {
  std::vector<std::string> ops;     // as imported, in that order
  std::vector<std::string> passes;  // those that made it, in order
};

class Provenance {
 public:
  // The module after `pass` changed it; the first one, before any pass, is what "as imported"
  // means, whatever its `pass`. Where it has gone through passes before, of those the last one that
  // made a statement is known: it is written behind it.
  void See(absl::string_view pass, const ir::Module& module);

  // Of a statement of the module seen last: its function ("load" for the load block) and its name,
  // as in passes/framework/pass.h's Miss. Nothing is known of a name that is not there.
  Origin Find(const std::string& func, const std::string& statement) const;

 private:
  using Key = std::pair<std::string, std::string>;  // function, name
  struct Statement {
    std::string text;  // what it computes: neither `by` nor the place in the frame
    std::string by;
    std::vector<std::string> reads;  // names of values and globals
    std::set<int> sources;           // indices of imported_
    std::vector<std::string> passes;
  };
  using Statements = std::map<Key, Statement>;

  static Statements Snapshot(const ir::Module& module);
  void Follow(absl::string_view pass, const Key& key, const Statements& old, Statement* statement);
  void FollowCopy(absl::string_view pass, const std::string& from, const Key& key,
                  const Statements& old, Statement* statement);
  std::string CopiedFrom(const std::string& func, const Statements& old) const;
  void Absorb(const Statement& from, Statement* into) const;

  std::vector<std::string> imported_;  // op names, in the order of the imported module
  Statements statements_;
};

}  // namespace lluda::passes

#endif  // LLUDA_PASSES_FRAMEWORK_PROVENANCE_H_
