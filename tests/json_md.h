// docs/json.md, read: which fields each document has, and whether a document has them.
//
//   JsonManual manual = JsonManual::Load("docs/json.md");
//   manual.Check(VerifyJson(report, "repro.lluda"));   // what is wrong with it, a line each
//   manual.Unseen();                                   // fields that no checked document had
#ifndef LLUDA_TESTS_JSON_MD_H_
#define LLUDA_TESTS_JSON_MD_H_

#include <simdjson.h>

#include <map>
#include <set>
#include <string>
#include <vector>

namespace lluda::tests {

class JsonManual {
 public:
  // What the page's tables say; what is wrong with the page itself is in problems().
  static JsonManual Load(const std::string& path);

  // Of a document: fields that the page does not have, or has with another type. Remembers those
  // that it has.
  std::vector<std::string> Check(const std::string& json);
  // Fields that no document had so far, "lluda.verify/1 finding.note".
  std::vector<std::string> Unseen() const;

  const std::vector<std::string>& problems() const { return problems_; }
  // The documents in the page's blocks of JSON.
  const std::vector<std::string>& examples() const { return examples_; }
  std::vector<std::string> schemas() const;

 private:
  using Fields = std::map<std::string, std::string>;  // path and type

  void AddRow(const std::string& schema, const std::string& line);
  // Puts the fields of what rows name with "as" in their place.
  void Expand();
  // An object's fields, and those of the objects and lists in it.
  void WalkObject(const std::string& schema, const std::string& path, simdjson::dom::object object,
                  std::vector<std::string>* wrong);
  void Walk(const std::string& schema, const std::string& path, simdjson::dom::element value,
            std::vector<std::string>* wrong);

  std::map<std::string, Fields> documents_;  // by schema
  std::map<std::string, std::set<std::string>> seen_;
  std::vector<std::string> problems_, examples_;
};

}  // namespace lluda::tests

#endif  // LLUDA_TESTS_JSON_MD_H_
