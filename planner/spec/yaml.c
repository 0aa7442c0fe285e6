/* libyaml's events -> tree. The only file that includes yaml.h. */
#include "planner/spec/yaml.h"

#include <stdlib.h>
#include <string.h>
#include <yaml.h>

#include "planner/base/utf8.h"
#include "planner/base/vec.h"
#include "planner/spec/yaml_hint.h"

struct reader {
	struct arena *arena;
	const struct source *src;
	struct diags *d;
	yaml_parser_t parser;
	yaml_event_t event;     /* the current one; deleted by the next */
	/* Marks count characters: a known pair from which to walk to another one. */
	size_t mark_index, mark_byte;
	size_t nodes, depth, aliases;
};

/* The first aliases are enough; anchors are all reported. */
enum { SHOWN_ALIASES = 5 };

/* Clearer words for libyaml's messages. */
static const struct {
	const char *said, *text;
} words[] = {
	{"mapping values are not allowed",
	 "unexpected ':' (quote the value, or check the indentation of this line)"},
	{"did not find expected key",
	 "expected a key here (is the indentation the same as above?)"},
	{"did not find expected '-' indicator", "expected '-' or the end of the list here"},
	{"did not find expected ',' or ']'", "expected ',' or ']' in a [list]"},
	{"did not find expected ',' or '}'", "expected ',' or '}' in a {map}"},
	{"found unexpected document indicator", "a '---' or '...' inside a quoted string"},
	{"found unknown escape character", "unknown escape in a double-quoted string "
	 "(write '\\\\' for a backslash, or use single quotes)"},
	{"did not find expected hexdecimal number", "expected hexadecimal digits in this escape"},
	{"block sequence entries are not allowed",
	 "a '- ' list item cannot be here (put it on its own line)"},
	{"block mapping values are not allowed", "a 'key: value' cannot be here"},
	{"found a tab character", "a tab in the indentation (use spaces)"},
	{"did not find expected <document start>", "expected the end of the file here"},
	{"did not find expected alphabetic or numeric character",
	 "anchors and aliases ('&', '*') are not supported (quote a string that starts with them)"},
	{"found undefined tag handle", "tags ('!name') are not supported"},
	{"did not find expected comment or line break", "expected a line break here"},
};

static struct loc
yaml_place(const struct reader *r, const yaml_mark_t *mark)
{
	return (struct loc){r->src, (unsigned)mark->line + 1, (unsigned)mark->column + 1, 0};
}

static bool yaml_continues(char c) { return ((unsigned char)c & 0xc0) == 0x80; }

/* The byte offset of a mark. */
static size_t
yaml_byte_of(struct reader *r, const yaml_mark_t *mark)
{
	const char *s = r->src->text;

	while (r->mark_index < mark->index && r->mark_byte < r->src->len) {
		do
			r->mark_byte++;
		while (r->mark_byte < r->src->len && yaml_continues(s[r->mark_byte]));
		r->mark_index++;
	}
	while (r->mark_index > mark->index && r->mark_byte > 0) {
		do
			r->mark_byte--;
		while (r->mark_byte > 0 && yaml_continues(s[r->mark_byte]));
		r->mark_index--;
	}
	return r->mark_byte;
}

static void
yaml_syntax_error(struct reader *r)
{
	const yaml_parser_t *p = &r->parser;
	const char *problem = p->problem ? p->problem : "cannot be read", *hint;
	struct loc at = yaml_place(r, &p->problem_mark), before;
	size_t byte = yaml_byte_of(r, &p->problem_mark);
	int c = byte < r->src->len ? (unsigned char)r->src->text[byte] : 0;

	if (p->context && strcmp(p->context, "while scanning a quoted scalar") == 0 &&
	    strcmp(problem, "found unexpected end of stream") == 0) {
		diag_error(r->d, yaml_place(r, &p->context_mark), "this quoted string never ends");
		return;
	}
	if (strcmp(problem, "could not find expected ':'") == 0) {
		diag_error(r->d, yaml_place(r, &p->context_mark),
			   "expected ':' after this key (as in 'key: value')");
		return;
	}
	if ((strncmp(problem, "mapping values are not allowed", 30) == 0 ||
	     strcmp(problem, "did not find expected <document start>") == 0) &&
	    (hint = yaml_hint(at, &before))) {
		diag_error(r->d, before, "%s", hint);
		return;
	}
	if (strstr(problem, "cannot start any token") && c == '\t')
		diag_error(r->d, at, "a tab in the indentation (use spaces)");
	else if (strstr(problem, "cannot start any token"))
		diag_error(r->d, at, "a value cannot start with '%c' (quote it)", c);
	else if (strstr(problem, "expected ','") && c == '[')
		diag_error(r->d, at, "unexpected '[' in a [list] or {map} "
			   "(quote a value with brackets: \"gpu-[1-4]\")");
	else {
		for (size_t i = 0; i < countof(words); i++)
			if (strncmp(problem, words[i].said, strlen(words[i].said)) == 0) {
				problem = words[i].text;
				break;
			}
		diag_error(r->d, at, "%s", problem);
	}
	if (p->context && (p->context_mark.line != p->problem_mark.line ||
			   p->context_mark.column != p->problem_mark.column))
		diag_note(r->d, yaml_place(r, &p->context_mark), "%s that starts here", p->context);
}

/* Reads the next event; false after an error, which is in d. */
static bool
yaml_next(struct reader *r)
{
	yaml_event_delete(&r->event);
	if (yaml_parser_parse(&r->parser, &r->event))
		return true;
	yaml_syntax_error(r);
	return false;
}

static struct tree *
yaml_node(struct reader *r, enum tree_type type)
{
	struct tree *t = ar_new(r->arena, struct tree);

	t->type = type;
	t->src = r->src;
	t->at = yaml_place(r, &r->event.start_mark);
	t->from = yaml_byte_of(r, &r->event.start_mark);
	t->to = t->from;
	return t;
}

/* Anchors and tags: refused, but the value is still read. */
static void
yaml_properties(struct reader *r, const struct tree *t, const yaml_char_t *anchor,
		const yaml_char_t *tag)
{
	static const char *const core[] = {"tag:yaml.org,2002:str", "tag:yaml.org,2002:map",
		"tag:yaml.org,2002:seq"};
	const char *name = (const char *)tag;

	if (anchor)
		diag_error(r->d, t->at, "anchors ('&%.40s') are not supported "
			   "(put the value under 'vars' and write ${name})", (const char *)anchor);
	if (!tag || strcmp(name, "!") == 0)
		return;
	for (size_t i = 0; i < countof(core); i++)
		if (strcmp(name, core[i]) == 0)
			return;
	diag_error(r->d, t->at, "tags ('%.60s') are not supported (the key decides what a "
		   "value is)", name);
}

static struct tree *
yaml_text(struct reader *r)
{
	struct tree *t = yaml_node(r, TREE_TEXT);
	const yaml_mark_t *start = &r->event.start_mark, *end = &r->event.end_mark;
	const char *value = (const char *)r->event.data.scalar.value;
	size_t len = r->event.data.scalar.length;

	yaml_properties(r, t, r->event.data.scalar.anchor, r->event.data.scalar.tag);
	t->to = yaml_byte_of(r, end);
	t->plain = r->event.data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
	if (end->line == start->line && end->column > start->column)
		t->at.len = (unsigned)(end->column - start->column);
	t->text = arena_strndup(r->arena, value, len);
	if (memchr(value, '\0', len)) {
		diag_error(r->d, t->at, "a string cannot contain a NUL character");
		t->type = TREE_BAD;
	}
	return t;
}

static int
yaml_by_text(const void *a, const void *b)
{
	const struct tree *x = *(struct tree *const *)a, *y = *(struct tree *const *)b;
	int c = strcmp(x->text, y->text);

	return c ? c : x->from < y->from ? -1 : x->from > y->from;
}

/* Finds duplicates by sorting, in n log n for large maps. The first one stays. */
static void
yaml_unique(struct reader *r, struct tree *map)
{
	struct tree **sorted = xcalloc(map->n, sizeof *sorted);
	const struct tree *first = NULL;
	size_t n = 0;

	for (size_t i = 0; i < map->n; i++)
		if (map->key[i]->type == TREE_TEXT)
			sorted[n++] = map->key[i];
	qsort(sorted, n, sizeof *sorted, yaml_by_text);
	for (size_t i = 0; i < n; i++) {
		if (!first || strcmp(first->text, sorted[i]->text) != 0) {
			first = sorted[i];
			continue;
		}
		diag_error(r->d, sorted[i]->at, "duplicate key '%.60s'", sorted[i]->text);
		diag_note(r->d, first->at, "first defined here");
		sorted[i]->type = TREE_BAD;
	}
	free(sorted);
}

static void
yaml_push(struct reader *r, struct tree *t, struct tree *key, struct tree *item)
{
	if (t->n == t->cap) {
		size_t cap = t->cap ? t->cap * 2 : 8;

		t->item = arena_grow(r->arena, t->item, t->n * sizeof *t->item,
				     cap * sizeof *t->item);
		t->key = arena_grow(r->arena, t->key, t->n * sizeof *t->key, cap * sizeof *t->key);
		t->cap = cap;
	}
	t->key[t->n] = key;
	t->item[t->n++] = item;
}

static struct tree *yaml_value(struct reader *r);

static struct tree *
yaml_list(struct reader *r)
{
	struct tree *t = yaml_node(r, TREE_LIST), *item;

	yaml_properties(r, t, r->event.data.sequence_start.anchor,
			r->event.data.sequence_start.tag);
	for (;;) {
		if (!yaml_next(r))
			return NULL;
		if (r->event.type == YAML_SEQUENCE_END_EVENT)
			return t;
		item = yaml_value(r);
		if (!item)
			return NULL;
		yaml_push(r, t, NULL, item);
	}
}

static struct tree *
yaml_map(struct reader *r)
{
	struct tree *t = yaml_node(r, TREE_MAP), *key, *item;

	yaml_properties(r, t, r->event.data.mapping_start.anchor, r->event.data.mapping_start.tag);
	for (;;) {
		if (!yaml_next(r))
			return NULL;
		if (r->event.type == YAML_MAPPING_END_EVENT)
			break;
		key = yaml_value(r);
		if (!key || !yaml_next(r))
			return NULL;
		item = yaml_value(r);
		if (!item)
			return NULL;
		if (key->type == TREE_LIST || key->type == TREE_MAP)
			diag_error(r->d, key->at, "a key must be a string (quote one that starts "
				   "with '{' or '[')");
		else if (key->type == TREE_TEXT && key->plain && strcmp(key->text, "<<") == 0)
			diag_error(r->d, key->at, "merge keys ('<<') are not supported");
		else
			yaml_push(r, t, key, item);
	}
	yaml_unique(r, t);
	return t;
}

/* The value that the current event starts; NULL ends the reading. */
static struct tree *
yaml_value(struct reader *r)
{
	struct loc at = yaml_place(r, &r->event.start_mark);
	struct tree *t = NULL;

	if (++r->nodes > YAML_MAX_NODES) {
		diag_error(r->d, at, "more than %d values in one file", YAML_MAX_NODES);
		return NULL;
	}
	if (++r->depth > YAML_MAX_DEPTH) {
		diag_error(r->d, at, "nested more than %d levels deep", YAML_MAX_DEPTH);
		return NULL;
	}
	switch (r->event.type) {
	case YAML_SCALAR_EVENT:
		t = yaml_text(r);
		break;
	case YAML_SEQUENCE_START_EVENT:
		t = yaml_list(r);
		break;
	case YAML_MAPPING_START_EVENT:
		t = yaml_map(r);
		break;
	case YAML_ALIAS_EVENT:
		t = yaml_node(r, TREE_BAD);
		t->at.len = (unsigned)(r->event.end_mark.column - r->event.start_mark.column);
		if (r->aliases++ < SHOWN_ALIASES)
			diag_error(r->d, t->at, "aliases ('*%.40s') are not supported (put the value "
				   "under 'vars' and write ${name})",
				   (const char *)r->event.data.alias.anchor);
		break;
	default:
		diag_error(r->d, at, "cannot be read");
		break;
	}
	r->depth--;
	return t;
}

/* Checks UTF-8 and the characters that YAML allows before libyaml does: its errors for these
 * have no line. */
static bool
yaml_characters(const struct source *src, size_t from, struct diags *d)
{
	struct loc at = {src, 1, 1, 0};
	uint32_t code;

	for (size_t i = from, len; i < src->len; i += len) {
		const char *s = src->text + i;

		len = utf8_next(s, src->len - i, &code);
		if (code == UTF8_BAD) {
			diag_error(d, at, "not UTF-8: byte 0x%02x", (unsigned char)*s);
			return false;
		}
		if (code == '\r' && (i + 1 == src->len || s[1] != '\n')) {
			diag_error(d, at, "a carriage return without a line feed");
			return false;
		}
		if (code == 0) {
			diag_error(d, at, "a NUL character in the file");
			return false;
		}
		if ((code < 0x20 && code != '\t' && code != '\n' && code != '\r') ||
		    (code >= 0x7f && code < 0xa0) || code == 0x2028 || code == 0x2029 ||
		    code == 0xfeff || code == 0xfffe || code == 0xffff) {
			diag_error(d, at, "control character U+%04X in the file", (unsigned)code);
			return false;
		}
		at.col++;
		if (code == '\n') {
			at.line++;
			at.col = 1;
		}
	}
	return true;
}

/* Skips two events: from the start of the stream to the first document, or out again. */
static bool
yaml_next_but_one(struct reader *r)
{
	bool ok = yaml_next(r);

	return ok && yaml_next(r);
}

static struct tree *
yaml_document(struct reader *r)
{
	struct loc start = {r->src, 1, 1, 0};
	struct tree *t;

	if (!yaml_next_but_one(r))
		return NULL;
	if (r->event.type == YAML_STREAM_END_EVENT) {
		diag_error(r->d, start, "the file is empty");
		return NULL;
	}
	if (!yaml_next(r))
		return NULL;
	t = yaml_value(r);
	if (!t || !yaml_next_but_one(r))
		return NULL;
	if (r->event.type != YAML_STREAM_END_EVENT) {
		diag_error(r->d, yaml_place(r, &r->event.start_mark),
			   "a second document (one per file)");
		return NULL;
	}
	return t;
}

struct tree *
tree_read(struct arena *a, const struct source *src, struct diags *d)
{
	size_t bom = src->len >= 3 && memcmp(src->text, "\xef\xbb\xbf", 3) == 0 ? 3 : 0;
	struct reader r = {.arena = a, .src = src, .d = d, .mark_byte = bom};
	struct tree *t = NULL;

	if (src->len > YAML_MAX_BYTES) {
		diag_error(d, (struct loc){.src = src}, "the file has %zu bytes (at most %d)",
			   src->len, YAML_MAX_BYTES);
		return NULL;
	}
	if (!yaml_characters(src, bom, d))
		return NULL;
	if (!yaml_parser_initialize(&r.parser))
		abort();
	yaml_parser_set_encoding(&r.parser, YAML_UTF8_ENCODING);
	yaml_parser_set_input_string(&r.parser, (const unsigned char *)src->text + bom,
				     src->len - bom);
	t = yaml_document(&r);
	yaml_event_delete(&r.event);
	yaml_parser_delete(&r.parser);
	return t;
}

bool tree_is_empty(const struct tree *t) { return t->type == TREE_TEXT && t->plain && !*t->text; }

struct loc
tree_find(const struct tree *t, const char *part, size_t n)
{
	const char *s = t->src->text + t->from, *found = memmem(s, t->to - t->from, part, n);
	struct loc at = t->at;
	uint32_t code;

	if (!found || n == 0)
		return at;
	at.len = 0;
	for (size_t i = 0, len; s + i < found; i += len) {
		len = utf8_next(s + i, t->to - t->from - i, &code);
		at.col++;
		if (code == '\n') {
			at.line++;
			at.col = 1;
		}
	}
	for (size_t i = 0, len; i < n; i += len, at.len++)
		len = utf8_next(part + i, n - i, &code);
	return at;
}
