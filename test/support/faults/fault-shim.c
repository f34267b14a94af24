/*
 * Preloaded into a process (LD_PRELOAD), makes one kind of system call on one kind of file fail.
 *
 *   MAYFLY_FAULT="CALL SUFFIX FIRST COUNT ERROR"   the calls FIRST to FIRST+COUNT-1 (from 1) of CALL on files whose path ends
 *                                                  in SUFFIX fail with ERROR
 *   MAYFLY_FAULT_WHILE=PATH                        calls are neither counted nor failed unless PATH exists
 *
 * CALL is fsync (fdatasync too), write (write and pwrite, also of 64 bits) or rename (by the old name). ERROR is EIO, ENOSPC
 * or SHORT: half of the bytes are written, and the call says so. Each fault writes a line "fault: ..." to standard error.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

static struct {
  char call[16], suffix[128], error[16];
  long first, count;
  const char *condition;
} plan;
static atomic_long calls;

__attribute__((constructor)) static void read_plan(void) {
  const char *text = getenv("MAYFLY_FAULT");
  if (text == NULL || sscanf(text, "%15s %127s %ld %ld %15s", plan.call, plan.suffix, &plan.first, &plan.count, plan.error) != 5)
    plan.call[0] = '\0';
  plan.condition = getenv("MAYFLY_FAULT_WHILE");
}

static int ends_in_suffix(const char *path, size_t length) {
  size_t suffix = strlen(plan.suffix);
  return length >= suffix && memcmp(path + length - suffix, plan.suffix, suffix) == 0;
}

/* Whether this call is to fail. */
static int is_due(const char *call, const char *path, size_t length) {
  if (strcmp(plan.call, call) != 0 || !ends_in_suffix(path, length)) return 0;
  if (plan.condition != NULL && access(plan.condition, F_OK) != 0) return 0;
  long number = atomic_fetch_add(&calls, 1) + 1;
  if (number < plan.first || number >= plan.first + plan.count) return 0;
  dprintf(2, "fault: %s of %s, call %ld: %s\n", call, plan.suffix, number, plan.error);
  return 1;
}

static int is_due_of(const char *call, int file) {
  if (strcmp(plan.call, call) != 0) return 0;
  char link[64], path[4096];
  snprintf(link, sizeof link, "/proc/self/fd/%d", file);
  ssize_t length = readlink(link, path, sizeof path);
  return length > 0 && is_due(call, path, (size_t)length);
}

static int fail(void) {
  errno = strcmp(plan.error, "ENOSPC") == 0 ? ENOSPC : EIO;
  return -1;
}

static int is_short(void) { return strcmp(plan.error, "SHORT") == 0; }

#define REAL(name) ((typeof(&name))dlsym(RTLD_NEXT, #name))

int fsync(int file) { return is_due_of("fsync", file) ? fail() : REAL(fsync)(file); }

int fdatasync(int file) { return is_due_of("fsync", file) ? fail() : REAL(fdatasync)(file); }

ssize_t write(int file, const void *bytes, size_t size) {
  if (!is_due_of("write", file)) return REAL(write)(file, bytes, size);
  return is_short() ? REAL(write)(file, bytes, size / 2) : fail();
}

ssize_t pwrite(int file, const void *bytes, size_t size, off_t at) {
  if (!is_due_of("write", file)) return REAL(pwrite)(file, bytes, size, at);
  return is_short() ? REAL(pwrite)(file, bytes, size / 2, at) : fail();
}

ssize_t pwrite64(int file, const void *bytes, size_t size, off64_t at) {
  if (!is_due_of("write", file)) return REAL(pwrite64)(file, bytes, size, at);
  return is_short() ? REAL(pwrite64)(file, bytes, size / 2, at) : fail();
}

int rename(const char *from, const char *to) {
  return is_due("rename", from, strlen(from)) ? fail() : REAL(rename)(from, to);
}
