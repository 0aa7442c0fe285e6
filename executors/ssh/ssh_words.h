#ifndef EXECUTORS_SSH_WORDS_H
#define EXECUTORS_SSH_WORDS_H

#include <stdbool.h>
#include <stddef.h>

/* The words of ssh_config(5). The table is ssh_words.def, which explains the columns. */
enum ssh_word_id {
#define WORD(name, ...) WORD_##name,
#define ALIAS(name, of)
#include "executors/ssh/ssh_words.def"
#undef WORD
#undef ALIAS
	SSH_WORDS
};

enum ssh_value {
	VALUE_CHOICE, VALUE_TEXT, VALUE_NUMBER, VALUE_TIME, VALUE_TEXTS, VALUE_LINE, VALUE_ANY
};

enum ssh_does {
	DOES_HONOURS, DOES_LIMITS, DOES_REFUSES, DOES_LOOSER, DOES_LACKS, DOES_HARMLESS, DOES_DEAD
};

struct ssh_word {
	const char *name;
	enum ssh_value value;
	const char *choices;
	enum ssh_does does;
	const char *idle, *says;
};

extern const struct ssh_word ssh_words[SSH_WORDS];

/* Find a word by its name or a former name, ignoring case; -1: there is none. */
int ssh_word_find(const char *name);
/* Is the value in the list "a|b|c", ignoring case? */
bool ssh_word_among(const char *list, const char *value);
/* Check n values of a word as ssh does; returns what is wrong, or NULL. */
const char *ssh_word_check(const struct ssh_word *, char *const *v, size_t n);
/* "90", "1h30m" in seconds, 0 for "none"; -1: it is not a time. */
int ssh_word_time(const char *);

#endif
