#ifndef EXECUTORS_SSH_LINE_H
#define EXECUTORS_SSH_LINE_H

#include <stdbool.h>
#include <stddef.h>

#include "executors/ssh/ssh_config.h"

/* The inside of the reader of ssh_config: one line, split into words as ssh does it. */
#define SSH_BLANKS " \t\r\n"

struct ssh_line {
	const struct ssh_source *source;
	const char *file;
	unsigned no;
	char *keyword, *rest;           /* rest: what follows the keyword, trimmed */
	char **v;                       /* the words of rest */
	size_t n, cap;
	enum ssh_block block;
	struct err *e;
};

/* Split "Keyword value ..." or "Keyword=value"; keyword is NULL for an empty line or a
 * comment. */
bool ssh_line_split(struct arena *, struct ssh_line *, const char *text, size_t n);
/* Set the error "FILE:LINE: 'KEYWORD' what"; returns false. */
bool ssh_line_bad(const struct ssh_line *, const char *what);
/* The next word of a Match line: up to a space or one '=', or the text in double quotes.
 * "": the end; NULL: a quote is not closed. */
char *ssh_line_word(char **);
/* Match a comma list of patterns. 1: yes, 0: no, -1: excluded by a pattern with '!'. */
int ssh_line_list(const char *list, const char *s, bool exact);

/* Host and Match: set whether the lines that follow apply. */
bool ssh_block_host(struct ssh_config *, struct ssh_line *);
bool ssh_block_match(struct ssh_config *, struct ssh_line *);

/* Add a note, each only once: a second reading sees the same lines. */
void ssh_config_note(struct ssh_config *, const struct ssh_line *, const char *what);

#endif
