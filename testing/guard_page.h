// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

// Memory that ends where reading is forbidden: a test that reads one byte too
// far crashes.

#ifndef TILEWORK_TESTING_GUARD_PAGE_H_
#define TILEWORK_TESTING_GUARD_PAGE_H_

#include <sys/mman.h>
#include <unistd.h>

#include <cstddef>

namespace tilework {

// Two pages, the second of which can be neither read nor written.
class GuardPage {
 public:
  GuardPage() : size_(static_cast<size_t>(sysconf(_SC_PAGESIZE))) {
    void* pages = mmap(nullptr, 2 * size_, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (pages == MAP_FAILED) return;
    start_ = static_cast<unsigned char*>(pages);
    if (mprotect(start_ + size_, size_, PROT_NONE) == 0) end_ = start_ + size_;
  }
  ~GuardPage() {
    if (start_ != nullptr) munmap(start_, 2 * size_);
  }
  GuardPage(const GuardPage&) = delete;
  GuardPage& operator=(const GuardPage&) = delete;

  // The end of the first page; null if there is none.
  unsigned char* end() const { return end_; }

 private:
  size_t size_;
  unsigned char* start_ = nullptr;
  unsigned char* end_ = nullptr;
};

}  // namespace tilework

#endif  // TILEWORK_TESTING_GUARD_PAGE_H_
