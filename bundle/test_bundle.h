// For tests: a small bundle with one kernel that returns at once, and ways to damage a file.
//
//   const std::string path = WriteTestBundle(folder, {});
//   EditHeader(path, [](Header* header) { header->set_architecture("mips"); });
#ifndef LLUDA_BUNDLE_TEST_BUNDLE_H_
#define LLUDA_BUNDLE_TEST_BUNDLE_H_

#include <functional>
#include <string>

#include "bundle/header.pb.h"

namespace lluda::bundle {

// Writes NAME.llb into the folder; its path. The tokenizer knows the tokens "a", "b" and "ab".
std::string WriteTestBundle(const std::string& folder, const std::string& name = "test");

// The header, as it is in the file.
std::string HeaderBytes(const std::string& path);
// Puts other bytes in its place, and the sizes and the hash that go with them.
void ReplaceHeader(const std::string& path, const std::string& header);
void EditHeader(const std::string& path, const std::function<void(Header*)>& edit);

}  // namespace lluda::bundle

#endif  // LLUDA_BUNDLE_TEST_BUNDLE_H_
