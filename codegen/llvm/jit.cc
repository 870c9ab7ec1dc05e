#include "codegen/llvm/jit.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <mutex>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "codegen/llvm/llvm_targets.h"
#include "codegen/llvm/task_workers.h"
#include "llvm/ExecutionEngine/ObjectCache.h"
#include "llvm/ExecutionEngine/Orc/CompileUtils.h"
#include "llvm/ExecutionEngine/Orc/Debugging/DebuggerSupport.h"
#include "llvm/ExecutionEngine/Orc/ExecutorProcessControl.h"
#include "llvm/ExecutionEngine/Orc/JITTargetMachineBuilder.h"
#include "llvm/ExecutionEngine/Orc/LLJIT.h"
#include "llvm/ExecutionEngine/Orc/ObjectLinkingLayer.h"
#include "llvm/ExecutionEngine/Orc/ThreadSafeModule.h"
#include "llvm/IR/LegacyPassManager.h"
#include "llvm/IR/Verifier.h"
#include "llvm/MC/TargetRegistry.h"
#include "llvm/Pass.h"
#include "llvm/Support/raw_ostream.h"
#include "llvm/Target/TargetMachine.h"
#include "llvm/TargetParser/Host.h"
#include "llvm/Transforms/Scalar.h"
#include "llvm/Transforms/Scalar/EarlyCSE.h"
#include "llvm/Transforms/Scalar/LICM.h"

namespace lluda::codegen {
namespace {

absl::Status FromLlvm(absl::string_view what, llvm::Error error) {
  return absl::InternalError(absl::StrCat(what, ": ", llvm::toString(std::move(error))));
}

llvm::orc::JITTargetMachineBuilder MachineBuilder(const Target& target) {
  RegisterTargets();
  const llvm::Triple triple(llvm::sys::getProcessTriple());
  llvm::orc::JITTargetMachineBuilder builder(triple);
  builder.setCPU(target.cpu);
  builder.addFeatures(target.features);
  builder.setCodeGenOptLevel(llvm::CodeGenOptLevel::Default);
  // What LLJIT asks for where it links with JITLink, so that Assembly shows the code that runs, and
  // what an object file needs that is linked to run anywhere.
  builder.setCodeModel(llvm::CodeModel::Small);
  builder.setRelocationModel(llvm::Reloc::PIC_);
  return builder;
}

// The emitters write what they mean; what is left for the optimiser is sharing address arithmetic
// and moving it out of loops.
void Optimise(llvm::Module* module) {
  llvm::legacy::FunctionPassManager passes(module);
  passes.add(llvm::createEarlyCSEPass());
  passes.add(llvm::createLICMPass());
  passes.doInitialization();
  for (llvm::Function& function : *module) passes.run(function);
  passes.doFinalization();
}

// Of the code that the linker has placed: `ADDRESS SIZE NAME` lines in hexadecimal, as perf's map
// files have them (tools/perf/Documentation/jit-interface.txt).
class CodeMap {
 public:
  void Add(const llvm::jitlink::LinkGraph& graph) {
    const std::lock_guard<std::mutex> lock(mutex_);
    for (const llvm::jitlink::Symbol* symbol :
         const_cast<llvm::jitlink::LinkGraph&>(graph).defined_symbols()) {
      if (!symbol->hasName() || !symbol->isCallable()) continue;
      const llvm::StringRef name = symbol->getName();
      absl::StrAppend(&text_, absl::Hex(symbol->getAddress().getValue()), " ",
                      absl::Hex(symbol->getSize()), " ",
                      absl::string_view(name.data(), name.size()), "\n");
    }
  }

  // Where perf looks for it. A file that is there is another process's that had this number.
  absl::Status Write() const {
    const std::string path = absl::StrCat("/tmp/perf-", getpid(), ".map");
    unlink(path.c_str());
    const int file = open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
    const bool written =
        file >= 0 && write(file, text_.data(), text_.size()) == static_cast<ssize_t>(text_.size());
    const int error = errno;
    if (file >= 0) close(file);
    return written ? absl::OkStatus()
                   : absl::UnavailableError(absl::StrCat(path, ": ", std::strerror(error)));
  }

 private:
  std::mutex mutex_;
  std::string text_;
};

// Shows the linker's graphs to a CodeMap.
class CodeMapPlugin : public llvm::orc::ObjectLinkingLayer::Plugin {
 public:
  explicit CodeMapPlugin(std::shared_ptr<CodeMap> map) : map_(std::move(map)) {}

  void modifyPassConfig(llvm::orc::MaterializationResponsibility&, llvm::jitlink::LinkGraph&,
                        llvm::jitlink::PassConfiguration& config) override {
    config.PostFixupPasses.emplace_back([map = map_](llvm::jitlink::LinkGraph& graph) {
      map->Add(graph);
      return llvm::Error::success();
    });
  }
  llvm::Error notifyFailed(llvm::orc::MaterializationResponsibility&) override {
    return llvm::Error::success();
  }
  llvm::Error notifyRemovingResources(llvm::orc::JITDylib&, llvm::orc::ResourceKey) override {
    return llvm::Error::success();
  }
  void notifyTransferringResources(llvm::orc::JITDylib&, llvm::orc::ResourceKey,
                                   llvm::orc::ResourceKey) override {}

 private:
  std::shared_ptr<CodeMap> map_;
};

// Optimises the module for the machine that `builder` makes, which is returned.
absl::StatusOr<std::unique_ptr<llvm::TargetMachine>> PrepareFor(
    llvm::orc::JITTargetMachineBuilder builder, llvm::Module* module) {
  auto machine = builder.createTargetMachine();
  if (!machine) return FromLlvm("target machine", machine.takeError());
  module->setTargetTriple((*machine)->getTargetTriple().str());
  module->setDataLayout((*machine)->createDataLayout());
  Optimise(module);
  return std::move(*machine);
}

}  // namespace

// Why something could not be compiled, which LLVM would write to stderr, a line a kernel; what a
// lookup returns only says which kernels there are not. The threads of a compiler tell it.
class Jit::Problems {
 public:
  void Add(llvm::Error error) {
    const std::string text = llvm::toString(std::move(error));
    const std::lock_guard<std::mutex> lock(mutex_);
    if (first_.empty()) first_ = text;
  }
  // The first one; `otherwise` if there was none.
  std::string First(std::string otherwise) const {
    const std::lock_guard<std::mutex> lock(mutex_);
    return first_.empty() ? std::move(otherwise) : first_;
  }

 private:
  mutable std::mutex mutex_;
  std::string first_;
};

// What is told of the kernels, and to whom.
struct Jit::Announcement {
  std::shared_ptr<CodeMap> perf;  // null if perf is told nothing
};

namespace {

class LljitLibrary : public KernelLibrary {
 public:
  LljitLibrary(std::unique_ptr<llvm::orc::LLJIT> lljit,
               std::vector<std::pair<std::string, runtime::KernelFn>> kernels)
      : lljit_(std::move(lljit)), kernels_(std::move(kernels)) {}

  runtime::KernelFn Find(const std::string& name) const override {
    for (const auto& [known, fn] : kernels_) {
      if (known == name) return fn;
    }
    return nullptr;
  }

 private:
  std::unique_ptr<llvm::orc::LLJIT> lljit_;
  std::vector<std::pair<std::string, runtime::KernelFn>> kernels_;
};

// Passes on what the compiler reports. Where code is kept is not LLVM's concern: what it would ask
// for was not given to it.
class Listener : public llvm::ObjectCache {
 public:
  explicit Listener(ObjectListener listener) : listener_(std::move(listener)) {}
  void notifyObjectCompiled(const llvm::Module* module, llvm::MemoryBufferRef object) override {
    listener_(module->getModuleIdentifier(), {object.getBufferStart(), object.getBufferSize()});
  }
  std::unique_ptr<llvm::MemoryBuffer> getObject(const llvm::Module*) override { return nullptr; }

 private:
  ObjectListener listener_;
};

// Compiles modules on several threads. What LLVM knows of the target is made once for each thread, not
// for each module.
class Compiler : public llvm::orc::IRCompileLayer::IRCompiler {
 public:
  // `objects`, which may be null, is told of each object.
  Compiler(llvm::orc::JITTargetMachineBuilder builder, llvm::ObjectCache* objects)
      : IRCompiler(llvm::orc::irManglingOptionsFromTargetOptions(builder.getOptions())),
        builder_(std::move(builder)),
        objects_(objects) {}

  llvm::Expected<std::unique_ptr<llvm::MemoryBuffer>> operator()(llvm::Module& module) override {
    auto machine = Take();
    if (!machine) return machine.takeError();
    auto object = llvm::orc::SimpleCompiler(**machine, objects_)(module);
    const std::lock_guard<std::mutex> lock(mutex_);
    idle_.push_back(std::move(*machine));
    return object;
  }

 private:
  llvm::Expected<std::unique_ptr<llvm::TargetMachine>> Take() {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (idle_.empty()) return builder_.createTargetMachine();
    std::unique_ptr<llvm::TargetMachine> machine = std::move(idle_.back());
    idle_.pop_back();
    return machine;
  }

  std::mutex mutex_;
  llvm::orc::JITTargetMachineBuilder builder_;
  llvm::ObjectCache* objects_;
  std::vector<std::unique_ptr<llvm::TargetMachine>> idle_;
};

}  // namespace

Jit::Jit() = default;
Jit::~Jit() = default;

absl::StatusOr<std::unique_ptr<Jit>> Jit::Create(const Target& target, const JitOptions& options) {
  llvm::orc::JITTargetMachineBuilder machine = MachineBuilder(target);
  llvm::Expected<llvm::DataLayout> layout = machine.getDefaultDataLayoutForTarget();
  if (!layout) return FromLlvm("target machine", layout.takeError());
  auto jit = absl::WrapUnique(new Jit());
  jit->triple_ = machine.getTargetTriple().str();
  jit->layout_ = layout->getStringRepresentation();
  if (options.listener) jit->objects_ = std::make_unique<Listener>(options.listener);
  auto workers = std::make_unique<TaskWorkers>(options.threads > 1 ? options.threads : 0);
  jit->workers_ = workers.get();
  auto control = llvm::orc::SelfExecutorProcessControl::Create(nullptr, std::move(workers));
  if (!control) return FromLlvm("JIT", control.takeError());
  auto lljit =
      llvm::orc::LLJITBuilder()
          .setJITTargetMachineBuilder(std::move(machine))
          .setExecutorProcessControl(std::move(*control))
          .setSupportConcurrentCompilation(options.threads > 1)
          .setCompileFunctionCreator(
              [objects = jit->objects_.get()](llvm::orc::JITTargetMachineBuilder builder)
                  -> llvm::Expected<std::unique_ptr<llvm::orc::IRCompileLayer::IRCompiler>> {
                return std::make_unique<Compiler>(std::move(builder), objects);
              })
          .create();
  if (!lljit) return FromLlvm("JIT", lljit.takeError());
  jit->lljit_ = std::move(*lljit);
  // It lives as long as the compiler, which outlives this object.
  jit->problems_ = std::make_shared<Problems>();
  jit->lljit_->getExecutionSession().setErrorReporter(
      [problems = jit->problems_](llvm::Error error) { problems->Add(std::move(error)); });
  if (options.gdb) {
    if (llvm::Error error = llvm::orc::enableDebuggerSupport(*jit->lljit_)) {
      return FromLlvm("telling GDB of the kernels", std::move(error));
    }
  }
  jit->announcement_ = std::make_unique<Announcement>();
  if (options.perf) {
    auto* linker =
        llvm::dyn_cast<llvm::orc::ObjectLinkingLayer>(&jit->lljit_->getObjLinkingLayer());
    if (linker == nullptr) return absl::UnimplementedError("this target's linker knows no perf");
    jit->announcement_->perf = std::make_shared<CodeMap>();
    linker->addPlugin(std::make_shared<CodeMapPlugin>(jit->announcement_->perf));
  }
  jit->lljit_->getIRTransformLayer().setTransform(
      [](llvm::orc::ThreadSafeModule module, const llvm::orc::MaterializationResponsibility&) {
        module.withModuleDo([](llvm::Module& m) { Optimise(&m); });
        return llvm::Expected<llvm::orc::ThreadSafeModule>(std::move(module));
      });
  return jit;
}

absl::Status Jit::AddModule(std::unique_ptr<llvm::LLVMContext> context,
                            std::unique_ptr<llvm::Module> module) {
  module->setTargetTriple(triple_);
  module->setDataLayout(layout_);
  std::string problems;
  llvm::raw_string_ostream out(problems);
  if (llvm::verifyModule(*module, &out)) {
    return absl::InternalError(absl::StrCat("LLVM IR is malformed: ", problems));
  }
  for (const llvm::Function& function : *module) {
    if (function.isDeclaration() || function.hasLocalLinkage()) continue;
    functions_.emplace_back(function.getInstructionCount(), function.getName().str());
  }
  if (llvm::Error error =
          lljit_->addIRModule(llvm::orc::ThreadSafeModule(std::move(module), std::move(context)))) {
    return FromLlvm("adding a module", std::move(error));
  }
  return absl::OkStatus();
}

absl::Status Jit::AddObject(const std::string& name, absl::string_view object) {
  llvm::Error error = lljit_->addObjectFile(
      llvm::MemoryBuffer::getMemBufferCopy({object.data(), object.size()}, name));
  return error ? FromLlvm("adding an object", std::move(error)) : absl::OkStatus();
}

absl::StatusOr<std::unique_ptr<KernelLibrary>> Jit::Compile(
    const std::vector<std::string>& names) && {
  llvm::orc::ExecutionSession& session = lljit_->getExecutionSession();
  const auto order = llvm::orc::makeJITDylibSearchOrder(&lljit_->getMainJITDylib());
  llvm::orc::SymbolLookupSet wanted;
  for (const std::string& name : names) wanted.add(lljit_->mangleAndIntern(name));
  // The compile threads work on all modules at once. The largest are asked for first, so that at the
  // end no thread waits long for another; what comes of it is asked below.
  std::sort(functions_.rbegin(), functions_.rend());
  for (const auto& [instructions, name] : functions_) {
    session.lookup(
        llvm::orc::LookupKind::Static, order,
        llvm::orc::SymbolLookupSet(lljit_->mangleAndIntern(name)), llvm::orc::SymbolState::Ready,
        [](llvm::Expected<llvm::orc::SymbolMap> found) { llvm::consumeError(found.takeError()); },
        llvm::orc::NoDependenciesToRegister);
  }
  auto found = session.lookup(order, std::move(wanted));
  if (!found) {
    return absl::InternalError(
        absl::StrCat("compiling: ", problems_->First(llvm::toString(found.takeError()))));
  }
  workers_->EndThreads();
  std::vector<std::pair<std::string, runtime::KernelFn>> kernels;
  for (const std::string& name : names) {
    const auto it = found->find(lljit_->mangleAndIntern(name));
    kernels.emplace_back(name, it->second.getAddress().toPtr<runtime::KernelFn>());
  }
  if (announcement_->perf != nullptr) {
    RETURN_IF_ERROR(announcement_->perf->Write());
  }
  return std::unique_ptr<KernelLibrary>(
      std::make_unique<LljitLibrary>(std::move(lljit_), std::move(kernels)));
}

absl::StatusOr<std::string> LlvmIr(const Target& target, llvm::Module* module) {
  RETURN_IF_ERROR(PrepareFor(MachineBuilder(target), module));
  std::string text;
  llvm::raw_string_ostream out(text);
  module->print(out, nullptr);
  return text;
}

namespace {

absl::StatusOr<std::string> EmitFile(llvm::orc::JITTargetMachineBuilder builder,
                                     llvm::CodeGenFileType type, llvm::Module* module) {
  ASSIGN_OR_RETURN(auto machine, PrepareFor(std::move(builder), module));
  llvm::SmallVector<char, 0> text;
  llvm::raw_svector_ostream out(text);
  llvm::legacy::PassManager passes;
  if (machine->addPassesToEmitFile(passes, out, nullptr, type)) {
    return absl::UnimplementedError("this target cannot write this kind of file");
  }
  passes.run(*module);
  return std::string(text.begin(), text.end());
}

}  // namespace

absl::StatusOr<std::string> Assembly(const Target& target, llvm::Module* module) {
  return EmitFile(MachineBuilder(target), llvm::CodeGenFileType::AssemblyFile, module);
}

absl::StatusOr<std::string> ObjectFile(const Target& target, llvm::Module* module) {
  llvm::orc::JITTargetMachineBuilder builder = MachineBuilder(target);
  builder.getOptions().FunctionSections = true;  // so that a linker can leave some out
  return EmitFile(std::move(builder), llvm::CodeGenFileType::ObjectFile, module);
}

}  // namespace lluda::codegen
