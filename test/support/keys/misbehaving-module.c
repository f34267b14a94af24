/*
 * A PKCS#11 module of our own around a real one, which signs otherwise than it should. Environment: MAYFLY_REAL_MODULE, the real
 * module; MAYFLY_FAULT, a file that says what to do: nothing, "hang", "crash", "flip", "short", "replay", "slow"
 * (300 ms), "no-flags" (of wrong PINs), or a CKR_ in hexadecimal, such as 30.
 */
#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef unsigned long rv;
typedef rv (*attribute_fn)(unsigned long, unsigned long, void *, unsigned long);
typedef rv (*info_fn)(unsigned long, unsigned char *);
typedef rv (*login_fn)(unsigned long, unsigned long, unsigned char *, unsigned long);
typedef rv (*sign_fn)(unsigned long, unsigned char *, unsigned long, unsigned char *, unsigned long *);

/* CK_FUNCTION_LIST: a version, then pointers in the order of PKCS #11 v2.40; C_Sign is the 44th of 68. */
struct list {
  unsigned char version[2];
  void *functions[68];
};
enum { GET_FUNCTION_LIST = 3, GET_TOKEN_INFO = 6, LOGIN = 18, GET_ATTRIBUTE_VALUE = 24, SIGN = 43 };

static struct list ours;
static attribute_fn real_attribute;
static info_fn real_info;
static login_fn real_login;
static sign_fn real_sign;
static unsigned char kept[2048];
static unsigned long kept_length;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static void fault(char *text, int size) {
  FILE *file = fopen(getenv("MAYFLY_FAULT"), "r");
  memset(text, 0, size);
  if (file == NULL) return;
  if (fgets(text, size, file) == NULL) text[0] = 0;
  fclose(file);
}

static void hang(char *what, int size) {
  fault(what, size);
  while (strcmp(what, "hang") == 0) {
    usleep(20000);
    fault(what, size);
  }
}

static rv misbehaving_attribute(unsigned long session, unsigned long object, void *values, unsigned long count) {
  char what[32];
  hang(what, sizeof what);
  return real_attribute(session, object, values, count);
}

/* As of tokens that do not tell: CK_TOKEN_INFO.flags, which follows 96 bytes of text, without CKF_USER_PIN_... */
static rv misbehaving_info(unsigned long slot, unsigned char *info) {
  char what[32];
  unsigned long flags;
  rv result = real_info(slot, info);
  fault(what, sizeof what);
  if (result != 0 || strcmp(what, "no-flags") != 0) return result;
  memcpy(&flags, info + 96, sizeof flags);
  flags &= ~0x70000UL;
  memcpy(info + 96, &flags, sizeof flags);
  return result;
}

/* Each login leaves a byte beside the fault. */
static rv counted_login(unsigned long session, unsigned long user, unsigned char *pin, unsigned long length) {
  char name[4096];
  snprintf(name, sizeof name, "%s.logins", getenv("MAYFLY_FAULT"));
  FILE *file = fopen(name, "a");
  if (file != NULL) {
    fputc('.', file);
    fclose(file);
  }
  return real_login(session, user, pin, length);
}

static rv misbehaving_sign(unsigned long session, unsigned char *data, unsigned long length, unsigned char *out,
                           unsigned long *out_length) {
  char what[32];
  hang(what, sizeof what);
  if (strcmp(what, "crash") == 0) _exit(139);
  if (strcmp(what, "slow") == 0) {
    usleep(300000);
    what[0] = 0;
  }
  rv result = real_sign(session, data, length, out, out_length);
  if (result != 0 || out == NULL) return result;
  if (strcmp(what, "flip") == 0) out[*out_length / 2] ^= 1;
  else if (strcmp(what, "short") == 0) *out_length -= 1;
  else if (strcmp(what, "replay") == 0) {
    memcpy(out, kept, kept_length);
    *out_length = kept_length;
  } else if (what[0] != 0) return strtoul(what, NULL, 16);
  else {
    pthread_mutex_lock(&lock);
    memcpy(kept, out, *out_length);
    kept_length = *out_length;
    pthread_mutex_unlock(&lock);
  }
  return 0;
}

static rv get_function_list(struct list **given) {
  *given = &ours;
  return 0;
}

rv C_GetFunctionList(struct list **given) {
  struct list *real;
  void *library = dlopen(getenv("MAYFLY_REAL_MODULE"), RTLD_NOW);
  if (library == NULL) return 5;
  rv (*get)(struct list **) = (rv (*)(struct list **))dlsym(library, "C_GetFunctionList");
  if (get == NULL || get(&real) != 0) return 5;
  ours = *real;
  real_sign = (sign_fn)real->functions[SIGN];
  real_attribute = (attribute_fn)real->functions[GET_ATTRIBUTE_VALUE];
  real_info = (info_fn)real->functions[GET_TOKEN_INFO];
  real_login = (login_fn)real->functions[LOGIN];
  ours.functions[GET_TOKEN_INFO] = (void *)misbehaving_info;
  ours.functions[LOGIN] = (void *)counted_login;
  ours.functions[GET_ATTRIBUTE_VALUE] = (void *)misbehaving_attribute;
  ours.functions[SIGN] = (void *)misbehaving_sign;
  ours.functions[GET_FUNCTION_LIST] = (void *)get_function_list;
  *given = &ours;
  return 0;
}
