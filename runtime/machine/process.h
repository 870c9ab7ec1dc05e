// What a program asks of the system first, so that nothing the system refuses later ends it with a
// signal: an error is one line on stderr and exit code 1.
//
//   int main(int argc, char** argv) {
//     return RunProcess([&] { return Main(argc, argv); });
//   }
#ifndef LLUDA_RUNTIME_MACHINE_PROCESS_H_
#define LLUDA_RUNTIME_MACHINE_PROCESS_H_

#include <functional>
#include <string>

namespace lluda::runtime {

// Runs `main` and returns its exit code. While it runs:
// - a write to a reader that has gone, or past `ulimit -f`, fails like any other;
// - stdin, stdout and stderr are not given to other files where they were closed;
// - where `new` finds no memory, the process says so and exits;
// - the stack holds what a compiler needs, whatever `ulimit -s` says.
int RunProcess(const std::function<int()>& main);

// Where a program lies that was installed beside this one.
std::string PathBeside(const std::string& name);

// Prints "PROGRAM: REASON" and exits with code 1, once even if several threads call it. Allocates
// nothing.
[[noreturn]] void Die(const char* reason);

}  // namespace lluda::runtime

#endif  // LLUDA_RUNTIME_MACHINE_PROCESS_H_
