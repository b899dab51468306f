// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

// Memory that begins and ends where reading is forbidden: a test that reads one
// byte too far crashes.

#ifndef TILEWORK_TESTING_GUARD_PAGE_H_
#define TILEWORK_TESTING_GUARD_PAGE_H_

#include <sys/mman.h>
#include <unistd.h>

#include <cstddef>

namespace tilework {

// Whole pages, between two that can be neither read nor written.
class GuardPage {
 public:
  // At least `size` bytes.
  explicit GuardPage(size_t size = 1) {
    const auto page = static_cast<size_t>(sysconf(_SC_PAGESIZE));
    const size_t inside = (size + page - 1) / page * page;
    mapped_ = inside + 2 * page;
    void* pages =
        mmap(nullptr, mapped_, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (pages == MAP_FAILED) return;
    start_ = static_cast<unsigned char*>(pages);
    if (mprotect(start_ + page, inside, PROT_READ | PROT_WRITE) == 0) {
      begin_ = start_ + page;
      end_ = begin_ + inside;
    }
  }
  ~GuardPage() {
    if (start_ != nullptr) munmap(start_, mapped_);
  }
  GuardPage(const GuardPage&) = delete;
  GuardPage& operator=(const GuardPage&) = delete;

  // What lies between the guards; null if there is none.
  unsigned char* begin() const { return begin_; }
  unsigned char* end() const { return end_; }

 private:
  size_t mapped_ = 0;
  unsigned char* start_ = nullptr;
  unsigned char* begin_ = nullptr;
  unsigned char* end_ = nullptr;
};

}  // namespace tilework

#endif  // TILEWORK_TESTING_GUARD_PAGE_H_
