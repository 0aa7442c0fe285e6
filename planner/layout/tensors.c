/* Headers of safetensors files -> a list of tensors; that list as text and back. */
#include "planner/layout/tensors.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "planner/base/str.h"
#include "planner/base/vec.h"

enum { MAX_TENSORS = 1 << 20, MAX_NAME = 256, MAX_DIMS = 16 };

static const double MAX_BYTES = 1e15;
static const char first_line[] = "tensors 1 ", last_line[] = "end";

bool
tensors_is_file(const char *name)
{
	static const char end[] = ".safetensors";
	size_t n = strlen(name);

	return n >= sizeof end && strcmp(name + n - (sizeof end - 1), end) == 0 &&
	       strncmp(name, "consolidated", 12) != 0;
}

size_t
tensors_header_length(const void *eight)
{
	const unsigned char *b = eight;
	size_t n = 0;

	for (int i = 7; i >= 0; i--) {
		if (n > TENSORS_MAX_HEADER)
			return 0;
		n = n << 8 | b[i];
	}
	return n >= 2 && n <= TENSORS_MAX_HEADER ? n : 0;
}

/* Bits of one number; 0: an unknown type. */
static int
tensors_bits_of(const char *dtype)
{
	static const struct { const char *start; int bits; } kinds[] = {{"BF16", 16}, {"F16", 16},
		{"F32", 32}, {"F64", 64}, {"F8_", 8}, {"F4", 4}, {"I8", 8}, {"U8", 8}, {"I16", 16},
		{"U16", 16}, {"I32", 32}, {"U32", 32}, {"I64", 64}, {"U64", 64}, {"BOOL", 8}};

	for (size_t i = 0; i < countof(kinds); i++)
		if (strncmp(dtype, kinds[i].start, strlen(kinds[i].start)) == 0)
			return kinds[i].bits;
	return 0;
}

/* A name becomes part of a line: it may not have spaces or control characters. */
static bool
tensors_is_word(const char *s, size_t max)
{
	size_t n = strlen(s);

	for (size_t i = 0; i < n; i++)
		if ((unsigned char)s[i] <= ' ' || s[i] == 0x7f)
			return false;
	return n > 0 && n <= max;
}

/* "model.layers.3.mlp.experts.17.up_proj.weight": replaces the 17 by a star. */
static const char *
tensors_without_expert(struct arena *a, const char *name)
{
	static const char key[] = ".experts.";
	const char *at = strstr(name, key), *digits = at ? at + sizeof key - 1 : NULL;
	size_t n = digits ? strspn(digits, "0123456789") : 0;

	if (!n || digits[n] != '.')
		return arena_strdup(a, name);
	return arena_printf(a, "%.*s*%s", (int)(digits - name), name, digits + n);
}

static bool
tensors_numbers(const json_t *shape, double *of)
{
	json_t *v;
	size_t i;

	*of = 1;
	if (!json_is_array(shape) || json_array_size(shape) > MAX_DIMS)
		return false;
	json_array_foreach(shape, i, v) {
		if (!json_is_integer(v) || json_integer_value(v) < 0)
			return false;
		*of *= (double)json_integer_value(v);
	}
	return *of < MAX_BYTES;
}

static bool
tensors_add_tensor(struct arena *a, struct tensors *t, const char *name, const json_t *v,
		   double *end)
{
	const char *dtype = json_string_value(json_object_get(v, "dtype"));
	const json_t *at = json_object_get(v, "data_offsets");
	const json_t *from = json_array_get(at, 0), *to = json_array_get(at, 1);
	double n, bytes;

	if (!dtype || !tensors_is_word(dtype, 16) || !tensors_is_word(name, MAX_NAME) ||
	    json_array_size(at) != 2 || !json_is_integer(from) || !json_is_integer(to) ||
	    json_integer_value(from) < 0 || !tensors_numbers(json_object_get(v, "shape"), &n))
		return false;
	bytes = (double)json_integer_value(to) - (double)json_integer_value(from);
	if (bytes < 0 || bytes > MAX_BYTES || (double)json_integer_value(to) > MAX_BYTES)
		return false;
	/* (How narrower types are packed is not defined.) */
	if (tensors_bits_of(dtype) >= 8 && bytes != n * tensors_bits_of(dtype) / 8)
		return false;
	if ((double)json_integer_value(to) > *end)
		*end = (double)json_integer_value(to);
	*vec_push(a, t) =
		(struct tensor){tensors_without_expert(a, name), arena_strdup(a, dtype), 1, bytes};
	t->bytes += bytes;
	return true;
}

bool
tensors_add(struct arena *a, struct tensors *t, const char *text, size_t n, double size,
	    struct err *e)
{
	json_t *root = n <= TENSORS_MAX_HEADER ? json_loadb(text, n, 0, NULL) : NULL, *v;
	const char *name;
	double end = 0;
	bool ok = json_is_object(root) || err_set(e, "it has no safetensors header");

	json_object_foreach(root, name, v) {
		if (!ok || strcmp(name, "__metadata__") == 0)
			continue;
		if (t->n >= MAX_TENSORS)
			ok = err_set(e, "there are too many tensors");
		else if (!tensors_add_tensor(a, t, name, v, &end))
			ok = err_set(e, "its header has an invalid tensor");
	}
	if (ok && size > 0 && end + (double)n + TENSORS_LENGTH != size)
		ok = err_set(e, "it has %.0f bytes, but its header says %.0f", size,
			     end + (double)n + TENSORS_LENGTH);
	json_decref(root);
	t->files += ok;
	return ok;
}

static int
tensors_by_name(const void *x, const void *y)
{
	const struct tensor *a = x, *b = y;
	int order = strcmp(a->name, b->name);

	return order ? order : strcmp(a->dtype, b->dtype);
}

void
tensors_settle(struct tensors *t)
{
	size_t n = 0;

	if (t->n)
		qsort(t->v, t->n, sizeof *t->v, tensors_by_name);
	for (size_t i = 0; i < t->n; i++) {
		if (n && tensors_by_name(&t->v[n - 1], &t->v[i]) == 0) {
			t->v[n - 1].count += t->v[i].count;
			t->v[n - 1].bytes += t->v[i].bytes;
		} else {
			t->v[n++] = t->v[i];
		}
	}
	t->n = n;
}

/* ---- as text ---- */

const char *
tensors_write(struct arena *a, const struct tensors *t)
{
	struct str s = {0};
	const char *copy;

	str_printf(&s, "%s%zu\n", first_line, t->files);
	for (size_t i = 0; i < t->n; i++)
		str_printf(&s, "%s\t%lld\t%.0f\t%s\n", t->v[i].dtype, t->v[i].count, t->v[i].bytes,
			   t->v[i].name);
	str_printf(&s, "%s\n", last_line);
	copy = arena_strndup(a, s.buf, s.len);
	str_release(&s);
	return copy;
}

bool
tensors_is_text(const char *text, size_t n)
{
	return n >= sizeof first_line - 1 && memcmp(text, first_line, sizeof first_line - 1) == 0;
}

static bool
tensors_read_line(struct arena *a, struct tensors *t, char *line)
{
	char *save = NULL, *dtype = strtok_r(line, "\t", &save);
	char *count = strtok_r(NULL, "\t", &save), *bytes = strtok_r(NULL, "\t", &save);
	char *name = strtok_r(NULL, "\t", &save), *end;
	double size;
	long long n;

	if (!name || !tensors_is_word(dtype, 16) || !tensors_is_word(name, MAX_NAME))
		return false;
	n = strtoll(count, &end, 10);
	if (*end || n < 1 || n > MAX_TENSORS)
		return false;
	size = strtod(bytes, &end);
	if (*end || !(size >= 0 && size <= MAX_BYTES))
		return false;
	*vec_push(a, t) = (struct tensor){name, dtype, n, size};
	t->bytes += size;
	return true;
}

struct tensors *
tensors_read(struct arena *a, const char *text, size_t n, struct err *e)
{
	struct tensors *t = ar_new(a, struct tensors);
	char *copy, *line, *save = NULL;
	bool ended = false, wrong = n > TENSORS_MAX_TEXT || !tensors_is_text(text, n);

	if (wrong)
		goto out;
	copy = arena_strndup(a, text, n);
	line = strtok_r(copy, "\n", &save);
	t->files = strtoull(line + sizeof first_line - 1, NULL, 10) & 0xfffff;
	while (!ended && !wrong && (line = strtok_r(NULL, "\n", &save))) {
		ended = strcmp(line, last_line) == 0;
		wrong = !ended && (t->n >= MAX_TENSORS || !tensors_read_line(a, t, line));
	}
	if (ended)
		tensors_settle(t);
out:
	if (!ended)
		err_set(e, wrong ? "it is not a list of tensors" : "the list of tensors is cut off");
	return ended ? t : NULL;
}
