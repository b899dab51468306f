// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

#include "tilework/examples/generate/subprocess.h"

#include <fcntl.h>
#include <spawn.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <string>
#include <string_view>
#include <vector>

#include "absl/cleanup/cleanup.h"
#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"

namespace tilework {
namespace {

// This process's environment, with `added` in place of variables of their name.
std::vector<std::string> Environment(const std::vector<std::string>& added) {
  std::vector<std::string> result = added;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string_view variable = *entry;
    const std::string_view name = variable.substr(0, variable.find('=') + 1);
    bool replaced = false;
    for (const std::string& a : added) {
      replaced = replaced || absl::StartsWith(a, name);
    }
    if (!replaced) result.emplace_back(variable);
  }
  return result;
}

// Pointers to the strings, and a null pointer.
std::vector<char*> Pointers(std::vector<std::string>& strings) {
  std::vector<char*> pointers;
  for (std::string& s : strings) pointers.push_back(s.data());
  pointers.push_back(nullptr);
  return pointers;
}

absl::StatusOr<pid_t> Spawn(const Subprocess& subprocess) {
  std::vector<std::string> arguments = subprocess.arguments;
  std::vector<std::string> environment = Environment(subprocess.environment);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  const absl::Cleanup destroy = [&actions] {
    posix_spawn_file_actions_destroy(&actions);
  };
  constexpr int kWrite = O_WRONLY | O_CREAT | O_APPEND;
  posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null",
                                   O_RDONLY, 0);
  posix_spawn_file_actions_addopen(
      &actions, STDOUT_FILENO, subprocess.stdout_path.c_str(), kWrite, 0666);
  posix_spawn_file_actions_addopen(
      &actions, STDERR_FILENO, subprocess.stderr_path.c_str(), kWrite, 0666);
  pid_t pid;
  const int error =
      posix_spawnp(&pid, arguments[0].c_str(), &actions, /*attrp=*/nullptr,
                   Pointers(arguments).data(), Pointers(environment).data());
  if (error == 0) return pid;
  return absl::ErrnoToStatus(error,
                             absl::StrCat("cannot start ", arguments[0]));
}

}  // namespace

absl::StatusOr<int> RunSubprocess(const Subprocess& subprocess,
                                  absl::FunctionRef<void()> waiting) {
  const absl::StatusOr<pid_t> pid = Spawn(subprocess);
  if (!pid.ok()) return pid.status();
  // Short at first, so that a short program is not waited for.
  absl::Duration pause = absl::Milliseconds(1);
  constexpr absl::Duration kLongest = absl::Milliseconds(200);
  while (true) {
    int state = 0;
    const pid_t ended = ::waitpid(*pid, &state, WNOHANG);
    if (ended == *pid) {
      return WIFSIGNALED(state) ? 128 + WTERMSIG(state) : WEXITSTATUS(state);
    }
    if (ended < 0 && errno != EINTR) {
      return absl::ErrnoToStatus(
          errno, absl::StrCat("cannot wait for ", subprocess.arguments[0]));
    }
    absl::SleepFor(pause);
    pause = std::min(2 * pause, kLongest);
    if (pause == kLongest) waiting();
  }
}

}  // namespace tilework
