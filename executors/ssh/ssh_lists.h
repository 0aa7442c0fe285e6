#ifndef EXECUTORS_SSH_LISTS_H
#define EXECUTORS_SSH_LISTS_H

#include <stdbool.h>

#include "executors/ssh/ssh_words.h"
#include "planner/base/str.h"

/*
 * Lists of algorithms: OpenSSH's defaults, changed by what ssh_config says ("a,b", "+a",
 * "-a*", "^a") and reduced to what dray has. `word` is HostKeyAlgorithms, KexAlgorithms,
 * Ciphers, MACs or PubkeyAcceptedAlgorithms. `value` is what ssh_config says, or NULL.
 */

/* The first name that OpenSSH does not know, with its length in *n; NULL: all are known. */
const char *ssh_list_unknown(enum ssh_word_id word, const char *value, int *n);
/* The resulting list in order of preference; "" if nothing is left. */
void ssh_list_pick(enum ssh_word_id word, const char *value, struct str *out);
/* What dray offers by default, for a message. */
const char *ssh_list_ours(enum ssh_word_id word);
/* The next name of a comma list; false at the end. */
bool ssh_list_next(const char **list, char *name, size_t size);
/* Is the name in the comma list? */
bool ssh_list_has(const char *list, const char *name);

#endif
