#include "codegen/llvm/disassembly.h"

#include <algorithm>
#include <cstring>
#include <memory>
#include <set>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "base/status_macros.h"
#include "codegen/llvm/llvm_targets.h"
#include "llvm/MC/MCAsmInfo.h"
#include "llvm/MC/MCContext.h"
#include "llvm/MC/MCDisassembler/MCDisassembler.h"
#include "llvm/MC/MCDisassembler/MCSymbolizer.h"
#include "llvm/MC/MCExpr.h"
#include "llvm/MC/MCInst.h"
#include "llvm/MC/MCInstPrinter.h"
#include "llvm/MC/MCInstrInfo.h"
#include "llvm/MC/MCRegisterInfo.h"
#include "llvm/MC/MCSubtargetInfo.h"
#include "llvm/MC/MCTargetOptions.h"
#include "llvm/MC/TargetRegistry.h"
#include "llvm/Support/raw_ostream.h"
#include "llvm/TargetParser/Host.h"

namespace lluda::codegen {
namespace {

// Where the code is taken to lie: no displacement or immediate of it is that large by chance.
constexpr uint64_t kBase = uint64_t{1} << 40;
constexpr uint64_t kLongestConstant = 64;  // a register of AVX-512

// The places that a function refers to, and their names.
class Labels {
 public:
  explicit Labels(const MachineCode& code) : code_(code) {}

  void Add(uint64_t place) {
    if (code_.functions.count(place) > 0) return;
    (place < code_.code_start ? constants_ : targets_).insert(place);
  }

  std::string NameOf(uint64_t place) const {
    const auto function = code_.functions.find(place);
    if (function != code_.functions.end()) return function->second;
    const bool is_constant = place < code_.code_start;
    const std::set<uint64_t>& places = is_constant ? constants_ : targets_;
    return absl::StrCat(is_constant ? ".LC" : ".L",
                        std::distance(places.begin(), places.find(place)));
  }

  bool IsTarget(uint64_t place) const { return targets_.count(place) > 0; }
  const std::set<uint64_t>& constants() const { return constants_; }

 private:
  const MachineCode& code_;
  std::set<uint64_t> constants_, targets_;
};

// Puts labels in the place of addresses in the code. The first time that a function is read it only
// collects them, so that they are numbered from its start.
class Symbolizer : public llvm::MCSymbolizer {
 public:
  Symbolizer(llvm::MCContext& context, const MachineCode& code, Labels* labels)
      : MCSymbolizer(context, nullptr), code_(code), labels_(labels) {}

  bool tryAddingSymbolicOperand(llvm::MCInst& instruction, llvm::raw_ostream&, int64_t value,
                                uint64_t, bool, uint64_t, uint64_t, uint64_t) override {
    const uint64_t place = static_cast<uint64_t>(value) - kBase;
    if (place >= code_.bytes.size()) return false;
    labels_->Add(place);
    llvm::MCSymbol* symbol = Ctx.getOrCreateSymbol(labels_->NameOf(place));
    instruction.addOperand(llvm::MCOperand::createExpr(llvm::MCSymbolRefExpr::create(symbol, Ctx)));
    return true;
  }

  void tryAddingPcLoadReferenceComment(llvm::raw_ostream&, int64_t, uint64_t) override {}

 private:
  const MachineCode& code_;
  Labels* labels_;
};

bool IsZero(absl::string_view bytes) { return bytes.find_first_not_of('\0') == bytes.npos; }

// LLVM's tables for this machine, which the parts of a disassembler share.
class Disassembler {
 public:
  static absl::StatusOr<std::unique_ptr<Disassembler>> Create() {
    RegisterTargets();
    std::unique_ptr<Disassembler> result(new Disassembler());
    const llvm::Triple triple(llvm::sys::getProcessTriple());
    std::string problem;
    const llvm::Target* target = llvm::TargetRegistry::lookupTarget(triple.str(), problem);
    if (target == nullptr) return absl::InternalError(absl::StrCat("disassembling: ", problem));
    result->registers_.reset(target->createMCRegInfo(triple.str()));
    result->assembly_.reset(target->createMCAsmInfo(*result->registers_, triple.str(), {}));
    result->subtarget_.reset(target->createMCSubtargetInfo(triple.str(), "", ""));
    result->instructions_.reset(target->createMCInstrInfo());
    result->context_ = std::make_unique<llvm::MCContext>(
        triple, result->assembly_.get(), result->registers_.get(), result->subtarget_.get());
    result->disassembler_.reset(
        target->createMCDisassembler(*result->subtarget_, *result->context_));
    result->printer_.reset(target->createMCInstPrinter(
        triple, result->assembly_->getAssemblerDialect(), *result->assembly_,
        *result->instructions_, *result->registers_));
    return result;
  }

  // The function that starts at `begin`, as lines; collects what they refer to.
  absl::StatusOr<std::string> Lines(const MachineCode& code, uint64_t begin, Labels* labels) {
    const auto next = code.functions.upper_bound(begin);
    const uint64_t end = next == code.functions.end() ? code.bytes.size() : next->first;
    if (begin < code.code_start || end > code.bytes.size()) {
      return absl::InvalidArgumentError("lies outside the code");
    }
    disassembler_->setSymbolizer(std::make_unique<Symbolizer>(*context_, code, labels));
    const llvm::ArrayRef<uint8_t> bytes(reinterpret_cast<const uint8_t*>(code.bytes.data()),
                                        code.bytes.size());
    std::string text;
    llvm::raw_string_ostream stream(text);
    size_t used = 0;  // of the text, up to the last line that is not padding
    for (uint64_t at = begin; at < end;) {
      if (IsZero(code.bytes.substr(at, end - at))) break;  // padding
      llvm::MCInst instruction;
      uint64_t size = 0;
      if (disassembler_->getInstruction(instruction, size, bytes.slice(at, end - at), kBase + at,
                                        llvm::nulls()) != llvm::MCDisassembler::Success) {
        return absl::InvalidArgumentError(absl::StrCat("no instruction at byte ", at));
      }
      if (labels->IsTarget(at)) stream << labels->NameOf(at) << ":\n";
      printer_->printInst(&instruction, kBase + at, "", *subtarget_, stream);
      stream << "\n";
      const llvm::StringRef name = instructions_->getName(instruction.getOpcode());
      if (!name.starts_with("NOOP")) used = text.size();
      at += size;
    }
    text.resize(used);
    return text;
  }

 private:
  Disassembler() = default;

  std::unique_ptr<llvm::MCRegisterInfo> registers_;
  std::unique_ptr<llvm::MCAsmInfo> assembly_;
  std::unique_ptr<llvm::MCSubtargetInfo> subtarget_;
  std::unique_ptr<llvm::MCInstrInfo> instructions_;
  std::unique_ptr<llvm::MCContext> context_;
  std::unique_ptr<llvm::MCDisassembler> disassembler_;
  std::unique_ptr<llvm::MCInstPrinter> printer_;
};

// A constant ends where the next one starts that any function reads: `all`.
std::string ConstantText(const MachineCode& code, const Labels& labels, const Labels& all) {
  std::string text;
  for (const uint64_t place : labels.constants()) {
    const auto next = all.constants().upper_bound(place);
    const uint64_t end =
        std::min(next == all.constants().end() ? code.code_start : *next, place + kLongestConstant);
    absl::StrAppend(&text, labels.NameOf(place), ":\n");
    // Words of four bytes, as most constants are f32, and what is left over.
    uint64_t at = place;
    for (const char* separator = "\t.long\t"; at + 4 <= end; at += 4, separator = ", ") {
      uint32_t word = 0;
      std::memcpy(&word, code.bytes.data() + at, sizeof word);
      absl::StrAppendFormat(&text, "%s0x%08x", separator, word);
    }
    if (at > place) text += '\n';
    for (; at < end; ++at) {
      absl::StrAppendFormat(&text, "\t.byte\t0x%02x\n", static_cast<uint8_t>(code.bytes[at]));
    }
  }
  return text;
}

}  // namespace

absl::StatusOr<std::string> Disassembly(const MachineCode& code, absl::string_view name) {
  const auto function = std::find_if(code.functions.begin(), code.functions.end(),
                                     [&](const auto& entry) { return entry.second == name; });
  if (function == code.functions.end()) {
    return absl::NotFoundError(absl::StrCat("no function ", name));
  }
  ASSIGN_OR_RETURN(std::unique_ptr<Disassembler> disassembler, Disassembler::Create());
  Labels labels(code), all(code);
  for (const auto& [begin, other] : code.functions) {
    const absl::Status read =
        disassembler->Lines(code, begin, other == name ? &labels : &all).status();
    if (read.ok()) continue;
    return absl::InvalidArgumentError(absl::StrCat(other, ": ", read.message()));
  }
  for (const uint64_t place : labels.constants()) all.Add(place);
  // Once more, now that all labels are known.
  ASSIGN_OR_RETURN(std::string lines, disassembler->Lines(code, function->first, &labels));
  return absl::StrCat(name, ":\n", lines, ConstantText(code, labels, all));
}

}  // namespace lluda::codegen
