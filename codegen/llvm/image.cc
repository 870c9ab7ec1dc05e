#include "codegen/llvm/image.h"

#include <algorithm>
#include <map>
#include <memory>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "base/align.h"
#include "llvm/ExecutionEngine/JITLink/JITLink.h"
#include "llvm/ExecutionEngine/JITLink/JITLinkMemoryManager.h"
#include "llvm/ExecutionEngine/JITLink/x86_64.h"

namespace lluda::codegen {
namespace {

namespace jitlink = llvm::jitlink;

constexpr uint64_t kPage = 4096;
// Where the linker believes the image to lie. Nothing in the result depends on it.
constexpr uint64_t kBase = uint64_t{1} << 32;

bool IsExecutable(llvm::orc::AllocGroup group) {
  return (static_cast<int>(group.getMemProt()) & static_cast<int>(llvm::orc::MemProt::Exec)) != 0;
}

// References between two places of the image; all others would have to be redone where it is
// mapped.
bool IsRelative(jitlink::Edge::Kind kind) {
  switch (kind) {
    case jitlink::Edge::KeepAlive:
    case jitlink::x86_64::Delta32:
    case jitlink::x86_64::Delta64:
    case jitlink::x86_64::NegDelta32:
    case jitlink::x86_64::NegDelta64:
    case jitlink::x86_64::BranchPCRel32:
      return true;
    default:
      return false;
  }
}

// Lays the segments out one behind the other, constants before code, in one string.
class ImageMemory : public jitlink::JITLinkMemoryManager {
 public:
  explicit ImageMemory(Image* image) : image_(image) {}

  void allocate(const jitlink::JITLinkDylib*, jitlink::LinkGraph& graph,
                OnAllocatedFunction allocated) override {
    jitlink::BasicLayout layout(graph);
    std::vector<std::pair<uint64_t, jitlink::BasicLayout::Segment*>> placed;
    uint64_t end = 0;
    for (const bool executable : {false, true}) {
      if (executable) image_->code_offset = static_cast<int64_t>(end = base::RoundUp(end, kPage));
      for (auto& segment : layout.segments()) {
        if (IsExecutable(segment.first) != executable) continue;
        const uint64_t begin =
            base::RoundUp(end, static_cast<int64_t>(segment.second.Alignment.value()));
        placed.emplace_back(begin, &segment.second);
        end = begin + segment.second.ContentSize + segment.second.ZeroFillSize;
      }
    }
    image_->bytes.assign(end, 0);
    for (const auto& [offset, segment] : placed) {
      segment->Addr = llvm::orc::ExecutorAddr(kBase + offset);
      segment->WorkingMem = image_->bytes.data() + offset;
    }
    if (llvm::Error error = layout.apply()) return allocated(std::move(error));
    allocated(std::make_unique<InFlight>());
  }

  void deallocate(std::vector<FinalizedAlloc> allocations, OnDeallocatedFunction done) override {
    for (FinalizedAlloc& allocation : allocations) allocation.release();
    done(llvm::Error::success());
  }

 private:
  class InFlight : public InFlightAlloc {
   public:
    void abandon(OnAbandonedFunction abandoned) override { abandoned(llvm::Error::success()); }
    void finalize(OnFinalizedFunction finalized) override {
      finalized(FinalizedAlloc(llvm::orc::ExecutorAddr(kBase)));
    }
  };

  Image* image_;
};

class ImageContext : public jitlink::JITLinkContext {
 public:
  ImageContext(const std::vector<std::string>& names, Image* image, std::string* problem)
      : JITLinkContext(nullptr), image_(image), problem_(problem), memory_(image) {
    image_->entries.assign(names.size(), -1);
    for (size_t i = 0; i < names.size(); ++i) wanted_[names[i]] = i;
  }

  jitlink::JITLinkMemoryManager& getMemoryManager() override { return memory_; }

  void notifyFailed(llvm::Error error) override { *problem_ = llvm::toString(std::move(error)); }

  // notifyResolved has refused what would have to be looked up.
  void lookup(const LookupMap&,
              std::unique_ptr<jitlink::JITLinkAsyncLookupContinuation> done) override {
    done->run(jitlink::AsyncLookupResult());
  }

  jitlink::LinkGraphPassFunction getMarkLivePass(const llvm::Triple&) const override {
    return [this](jitlink::LinkGraph& graph) {
      for (jitlink::Symbol* symbol : graph.defined_symbols()) {
        if (symbol->hasName() && wanted_.count(symbol->getName().str()) > 0) symbol->setLive(true);
      }
      return llvm::Error::success();
    };
  }

  llvm::Error notifyResolved(jitlink::LinkGraph& graph) override {
    for (const jitlink::Symbol* symbol : graph.defined_symbols()) {
      const auto wanted = wanted_.find(symbol->hasName() ? symbol->getName().str() : "");
      if (wanted == wanted_.end()) continue;
      image_->entries[wanted->second] =
          static_cast<int64_t>(symbol->getAddress().getValue() - kBase);
    }
    for (const jitlink::Symbol* symbol : graph.external_symbols()) {
      return llvm::make_error<llvm::StringError>(symbol->getName() + " is not defined",
                                                 llvm::inconvertibleErrorCode());
    }
    for (const jitlink::Block* block : graph.blocks()) {
      for (const jitlink::Edge& edge : block->edges()) {
        if (IsRelative(edge.getKind())) continue;
        return llvm::make_error<llvm::StringError>(std::string("a reference of kind ") +
                                                       graph.getEdgeKindName(edge.getKind()) +
                                                       " depends on where the code lies",
                                                   llvm::inconvertibleErrorCode());
      }
    }
    return llvm::Error::success();
  }

  void notifyFinalized(jitlink::JITLinkMemoryManager::FinalizedAlloc allocation) override {
    allocation.release();
  }

 private:
  Image* image_;
  std::string* problem_;
  std::map<std::string, size_t> wanted_;
  ImageMemory memory_;
};

}  // namespace

absl::StatusOr<Image> LinkImage(absl::string_view object, const std::vector<std::string>& names) {
  auto graph = jitlink::createLinkGraphFromObject(
      llvm::MemoryBufferRef(llvm::StringRef(object.data(), object.size()), "kernels"));
  if (!graph) {
    return absl::InternalError(
        absl::StrCat("linking kernels: ", llvm::toString(graph.takeError())));
  }
  Image image;
  std::string problem;
  jitlink::link(std::move(*graph), std::make_unique<ImageContext>(names, &image, &problem));
  if (!problem.empty()) return absl::InternalError(absl::StrCat("linking kernels: ", problem));
  for (size_t i = 0; i < names.size(); ++i) {
    if (image.entries[i] < 0) {
      return absl::InternalError(absl::StrCat("linking kernels: no function ", names[i]));
    }
  }
  return image;
}

}  // namespace lluda::codegen
