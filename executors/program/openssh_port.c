/* What `ssh -G` says about a node, such as the port of its sshd, which the other nodes dial. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "executors/io/child.h"
#include "executors/program/openssh.h"
#include "executors/ssh/ssh_place.h"
#include "planner/base/limits.h"
#include "planner/base/vec.h"

enum { PRINTED_MAX = 64 * 1024 };

const char *
openssh_printed(struct arena *a, const struct node *node, struct err *e)
{
	struct openssh_words w = {0};
	struct str text = {0};
	const char *all = NULL;
	int status = 0;

	*vec_push(a, &w) = "ssh";
	*vec_push(a, &w) = "-G";
	if (!openssh_options(a, node, &w, e))
		return NULL;
	*vec_push(a, &w) = "--";
	*vec_push(a, &w) = node->host;
	*vec_push(a, &w) = NULL;
	const struct capture c = {.argv = (char *const *)(intptr_t)w.v, .env = environ, .alone = true,
		.ms = SSH_G_LIMIT * 1000L, .max = PRINTED_MAX};

	if (child_capture(&c, &text, &status, e) && status == 0 && text.len <= PRINTED_MAX)
		all = arena_strdup(a, str_text(&text));
	else if (!*e->text)
		err_set(e, "ssh -G refuses the configuration of '%s'", node->host);
	str_release(&text);
	return all;
}

const char *
openssh_printed_word(struct arena *a, const char *printed, const char *word)
{
	size_t n = strlen(word);

	for (const char *line = printed; line && *line; line = strchr(line, '\n'), line += line != NULL)
		if (strncasecmp(line, word, n) == 0 && line[n] == ' ')
			return arena_strndup(a, line + n + 1, strcspn(line + n + 1, "\n"));
	return NULL;
}

int
openssh_port(const struct node *node)
{
	struct arena a = {0};
	struct ssh_place place;
	struct err e = {0};
	int port = 0;

	if (ssh_place_read(&a, node, &place)) {
		port = place.port;
	} else {
		const char *printed = openssh_printed(&a, node, &e),
			   *word = printed ? openssh_printed_word(&a, printed, "port") : NULL;
		long n = word ? strtol(word, NULL, 10) : 0;

		port = n > 0 && n < 65536 ? (int)n : 0;
	}
	arena_release(&a);
	return port;
}
