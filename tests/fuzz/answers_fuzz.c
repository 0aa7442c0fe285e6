/*
 * libFuzzer: what servers and nodes answer outside of a look. The first byte says whose answer it is:
 * the Hub's list of a model's files, a node's history of applies, the engine's stream of an answer, or
 * what a start measured. Whatever is taken has safe names, bounded texts and plausible numbers.
 */
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "planner/base/hash.h"
#include "planner/base/limits.h"
#include "planner/engines/chat.h"
#include "planner/facts/history.h"
#include "planner/facts/measured.h"
#include "planner/sources/source.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void
hub(struct arena *a, const char *text, size_t n)
{
	struct spec_model model = {.repo.text = "org/name", .revision.text = "main"};
	struct err e = {0};
	struct manifest *m = hub_read(a, &model, text, n, &e);

	if (!m != !!e.text[0] || (m && !hub_is_commit(m->commit)))
		abort();
	for (size_t i = 0; m && i < m->n; i++)
		if (!hub_is_safe(m->v[i].path) || m->v[i].size < 0)
			abort();
}

/* An entry that was taken is written, and taken again, as it is. */
static void
history(struct arena *a, const char *text, size_t n)
{
	struct history h = {0}, again = {0};

	history_merge(a, &h, "n1", text, n / 2);
	history_merge(a, &h, "n2", text + n / 2, n - n / 2);
	history_sort(&h);
	if (h.n > HISTORY_KEPT)
		abort();
	for (size_t i = 0; i < h.n; i++) {
		const char *line = history_write(a, &h.v[i]);
		bool many;

		if (strchr(line, '\n') || strchr(history_file(a, &h.v[i]), '/') ||
		    !history_find(&h, h.v[i].id, &many))
			abort();
		history_merge(a, &again, "n1", line, strlen(line));
	}
	if (again.n != h.n)
		abort();
}

/* The same text, however it is cut into pieces. */
static void
chat(const char *text, size_t n)
{
	struct chat whole = {0}, pieces = {0};
	struct str said = {0};

	chat_take(&whole, text, n);
	for (size_t at = 0; at < n; at++) {
		chat_take(&pieces, text + at, 1);
		str_add(&said, str_text(&pieces.text), pieces.text.len);
	}
	if (whole.pieces != pieces.pieces || whole.ended != pieces.ended || said.len != whole.text.len ||
	    memcmp(str_text(&said), str_text(&whole.text), said.len) != 0)
		abort();
	str_release(&said);
	chat_release(&whole);
	chat_release(&pieces);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct arena a = {0};
	char *text = malloc(n + 1);

	memcpy(text, data, n);
	text[n] = '\0';
	switch (n ? text[0] & 3 : 0) {
	case 0:
		hub(&a, text + !!n, n - !!n);
		break;
	case 1:
		history(&a, text + 1, n - 1);
		break;
	case 2:
		chat(text + 1, n - 1);
		break;
	default: {
		struct measured m = {0};

		if (measured_read(text + 1, &m) &&
		    (!isfinite(m.weights) || !isfinite(m.kv) || !isfinite(m.tokens) || m.kv < 0))
			abort();
	}
	}
	arena_release(&a);
	free(text);
	return 0;
}
