// Each adds a subcommand, and its flags, which are parsed into `flags`.
//
//   GenerateFlags flags;
//   CLI::App* sub = AddGenerate(&app, &flags);
#ifndef LLUDA_CLI_FLAGS_SUBCOMMANDS_H_
#define LLUDA_CLI_FLAGS_SUBCOMMANDS_H_

#include "cli/flags/flags.h"

namespace CLI {
class App;
}  // namespace CLI

namespace lluda::cli {

CLI::App* AddGenerate(CLI::App* app, GenerateFlags* flags);
CLI::App* AddChat(CLI::App* app, ChatFlags* flags);
CLI::App* AddServe(CLI::App* app, ServeFlags* flags);
CLI::App* AddTokenize(CLI::App* app, TokenizeFlags* flags);
CLI::App* AddEmbed(CLI::App* app, EmbedFlags* flags);
CLI::App* AddRerank(CLI::App* app, RerankFlags* flags);
CLI::App* AddTranscribe(CLI::App* app, TranscribeFlags* flags);
CLI::App* AddIr(CLI::App* app, IrFlags* flags);
CLI::App* AddAsm(CLI::App* app, AsmFlags* flags);
CLI::App* AddExplain(CLI::App* app, ExplainFlags* flags);
CLI::App* AddReport(CLI::App* app, ReportFlags* flags);
CLI::App* AddVerify(CLI::App* app, VerifyFlags* flags);
CLI::App* AddValidate(CLI::App* app, ValidateFlags* flags);
CLI::App* AddEval(CLI::App* app, EvalFlags* flags);
CLI::App* AddImatrix(CLI::App* app, ImatrixFlags* flags);
CLI::App* AddBench(CLI::App* app, BenchFlags* flags);
CLI::App* AddCompile(CLI::App* app, CompileFlags* flags);
CLI::App* AddInspect(CLI::App* app, InspectFlags* flags);
CLI::App* AddCache(CLI::App* app, CacheFlags* flags);

}  // namespace lluda::cli

#endif  // LLUDA_CLI_FLAGS_SUBCOMMANDS_H_
