// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

#include "tilework/tools/tilework.h"

#include <cstdint>
#include <map>
#include <ostream>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "tilework/tools/commands.h"

namespace tilework {
namespace {

constexpr std::string_view kUsage =
    R"(tilework: lists, runs, checks and measures compute kernels.

  tilework list                     all kernels
  tilework help KERNEL              what a kernel takes and gives
  tilework run KERNEL --in FILE.safetensors --out FILE.safetensors
      [--attr NAME=VALUE]...        attributes
      [--output NAME]...            optional outputs that are wanted
      [--shape NAME=2,128,64]...    of outputs, where inputs do not tell
      [--dtype NAME=bf16]...        of outputs; of inputs: what their bytes are
      [--context host|device] [--threads N]
      A weight [K, N] of F4 must be packed along K: FILE has it as [N, K].
  tilework check [KERNEL]... [--cases N] [--seed N]
      [--context host|device] [--threads N]
                                    compare with exact arithmetic
  tilework bench [KERNEL]... [--json FILE] [--min_seconds X]
      [--context host|device] [--threads N]
                                    measure the reference cases
      [--case "x=bf16[1,4096] y=f32 eps=1e-5"]...   or these, of one kernel
  tilework doctor [--threads N]     what this machine is to the library
  tilework docs                     docs/kernels.md

With TILEWORK_VERBOSE=1 every program writes a line for each kernel call.
)";

// A command line in parts.
struct CommandLine {
  std::vector<std::string> words;  // the command first
  std::map<std::string, std::vector<std::string>, std::less<>> flags;

  std::string One(std::string_view flag, std::string_view otherwise) const {
    const auto it = flags.find(flag);
    return std::string(it == flags.end() ? otherwise : it->second.back());
  }
  std::vector<std::string> All(std::string_view flag) const {
    const auto it = flags.find(flag);
    return it == flags.end() ? std::vector<std::string>() : it->second;
  }
};

absl::StatusOr<CommandLine> Parse(const std::vector<std::string>& arguments) {
  CommandLine line;
  for (size_t i = 0; i < arguments.size(); ++i) {
    std::string_view argument = arguments[i];
    if (!absl::ConsumePrefix(&argument, "--")) {
      line.words.emplace_back(argument);
      continue;
    }
    const size_t equals = argument.find('=');
    const std::string name(argument.substr(0, equals));
    if (equals != std::string_view::npos) {
      line.flags[name].emplace_back(argument.substr(equals + 1));
    } else if (name == "help") {
      line.flags[name].emplace_back("");
    } else if (i + 1 < arguments.size()) {
      line.flags[name].push_back(arguments[++i]);
    } else {
      return absl::InvalidArgumentError(
          absl::StrCat("--", name, " needs a value"));
    }
  }
  return line;
}

absl::Status CheckFlags(const CommandLine& line,
                        const std::set<std::string_view>& known) {
  for (const auto& [name, values] : line.flags) {
    if (known.contains(name)) continue;
    return absl::InvalidArgumentError(
        absl::StrCat(line.words[0], " has no flag --", name));
  }
  return absl::OkStatus();
}

template <typename T>
absl::Status ParseNumber(const CommandLine& line, std::string_view flag,
                         T& value) {
  const auto it = line.flags.find(flag);
  if (it == line.flags.end()) return absl::OkStatus();
  const std::string& text = it->second.back();
  bool parsed = false;
  if constexpr (std::is_floating_point_v<T>) {
    parsed = absl::SimpleAtod(text, &value) && value >= 0;
  } else {
    parsed = absl::SimpleAtoi(text, &value) && value >= 0;
  }
  if (parsed) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("--", flag, " is \"", text, "\", expected a number >= 0"));
}

absl::StatusOr<std::vector<NamedText>> ParseNamed(const CommandLine& line,
                                                  std::string_view flag) {
  std::vector<NamedText> result;
  for (const std::string& text : line.All(flag)) {
    const size_t equals = text.find('=');
    if (equals == std::string::npos || equals == 0) {
      return absl::InvalidArgumentError(
          absl::StrCat("--", flag, " is \"", text, "\", expected NAME=VALUE"));
    }
    result.push_back({text.substr(0, equals), text.substr(equals + 1)});
  }
  return result;
}

std::vector<std::string> Kernels(const CommandLine& line) {
  return {line.words.begin() + 1, line.words.end()};
}

// A command with its options, or what is wrong with the command line.
class Command {
 public:
  explicit Command(const CommandLine& line) : line_(line) {}

  absl::Status ParseRun(RunOptions& options) const {
    if (line_.words.size() != 2) {
      return absl::InvalidArgumentError("run needs one kernel");
    }
    options.kernel = line_.words[1];
    options.in = line_.One("in", "");
    options.out = line_.One("out", "");
    options.context = line_.One("context", "host");
    options.outputs = line_.All("output");
    if (options.in.empty() || options.out.empty()) {
      return absl::InvalidArgumentError("run needs --in and --out");
    }
    for (const auto& [flag, texts] :
         {std::pair<std::string_view, std::vector<NamedText>*>{
              "attr", &options.attributes},
          {"shape", &options.shapes},
          {"dtype", &options.dtypes}}) {
      auto parsed = ParseNamed(line_, flag);
      if (!parsed.ok()) return parsed.status();
      *texts = *std::move(parsed);
    }
    return Checked(
        {"in", "out", "attr", "shape", "dtype", "output", "context", "threads"},
        ParseNumber(line_, "threads", options.threads));
  }
  absl::Status ParseCheck(CheckOptions& options) const {
    options.kernels = Kernels(line_);
    options.context = line_.One("context", "host");
    absl::Status status = ParseNumber(line_, "cases", options.cases);
    status.Update(ParseNumber(line_, "seed", options.seed));
    status.Update(ParseNumber(line_, "threads", options.threads));
    return Checked({"cases", "seed", "context", "threads"}, status);
  }
  absl::Status ParseBench(BenchOptions& options) const {
    options.kernels = Kernels(line_);
    options.json = line_.One("json", "");
    options.context = line_.One("context", "host");
    options.cases = line_.All("case");
    if (!options.cases.empty() && options.kernels.size() != 1) {
      return absl::InvalidArgumentError("--case needs one kernel");
    }
    absl::Status status =
        ParseNumber(line_, "min_seconds", options.min_seconds);
    status.Update(ParseNumber(line_, "threads", options.threads));
    return Checked({"json", "case", "min_seconds", "context", "threads"},
                   status);
  }
  absl::Status ParseDoctor(int& threads) const {
    return Checked({"threads"}, ParseNumber(line_, "threads", threads));
  }
  absl::Status ParseWords(size_t count) const {
    if (line_.words.size() != count) {
      return absl::InvalidArgumentError(
          absl::StrCat(line_.words[0], " takes ", count - 1, " arguments, not ",
                       line_.words.size() - 1));
    }
    return Checked({}, absl::OkStatus());
  }

 private:
  absl::Status Checked(const std::set<std::string_view>& flags,
                       absl::Status status) const {
    absl::Status unknown = CheckFlags(line_, flags);
    unknown.Update(status);
    return unknown;
  }

  const CommandLine& line_;
};

int Report(const absl::Status& status, std::ostream& err) {
  if (status.ok()) return 0;
  err << "tilework: " << status.message() << "\n";
  return 1;
}

// Parses with `parse`, and does the work of `run` if that succeeds.
template <typename Run>
int ParseAndRun(const absl::Status& parsed, std::ostream& err, const Run& run) {
  if (!parsed.ok()) {
    err << "tilework: " << parsed.message() << "\n";
    return 2;
  }
  return Report(run(), err);
}

int Dispatch(const CommandLine& line, std::ostream& out, std::ostream& err) {
  const std::string& name = line.words[0];
  const Command command(line);
  if (name == "run") {
    RunOptions options;
    return ParseAndRun(command.ParseRun(options), err,
                       [&] { return Run(options); });
  }
  if (name == "check") {
    CheckOptions options;
    return ParseAndRun(command.ParseCheck(options), err,
                       [&] { return Check(options, out); });
  }
  if (name == "bench") {
    BenchOptions options;
    return ParseAndRun(command.ParseBench(options), err,
                       [&] { return Bench(options, out); });
  }
  if (name == "help") {
    return ParseAndRun(command.ParseWords(2), err,
                       [&] { return Help(line.words[1], out); });
  }
  const auto done = [](auto f) {
    return [f] {
      f();
      return absl::OkStatus();
    };
  };
  if (name == "doctor") {
    int threads = 0;
    return ParseAndRun(command.ParseDoctor(threads), err,
                       done([&] { Doctor(threads, out); }));
  }
  if (name == "list") {
    return ParseAndRun(command.ParseWords(1), err, done([&] { List(out); }));
  }
  if (name == "docs") {
    return ParseAndRun(command.ParseWords(1), err, done([&] { Docs(out); }));
  }
  err << "tilework: there is no command \"" << name
      << "\"; `tilework --help` lists them\n";
  return 2;
}

}  // namespace

int TileworkMain(const std::vector<std::string>& arguments, std::ostream& out,
                 std::ostream& err) {
  const auto line = Parse(arguments);
  if (!line.ok()) {
    err << "tilework: " << line.status().message() << "\n";
    return 2;
  }
  if (line->flags.contains("help")) {
    out << kUsage;
    return 0;
  }
  if (line->words.empty() ||
      (line->words[0] == "help" && line->words.size() == 1)) {
    (line->words.empty() ? err : out) << kUsage;
    return line->words.empty() ? 2 : 0;
  }
  return Dispatch(*line, out, err);
}

}  // namespace tilework
