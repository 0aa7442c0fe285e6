/* Lists of files from servers that are no Hub: names and sizes are checked, and the identity is that
 * of the files. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "planner/sources/listing.h"

#define A "1111111111111111111111111111111111111111111111111111111111111111"
#define B "222222222222222222222222222222222222222222222222222222222222222f"

static struct arena arena;

static int
teardown(void **state)
{
	(void)state;
	arena_release(&arena);
	arena = (struct arena){0};
	return 0;
}

static struct listing *
a_listing(const char *url, const char *revision)
{
	struct spec_model *spec = ar_new(&arena, struct spec_model);
	struct listing *l = ar_new(&arena, struct listing);

	spec->url.text = spec->repo.text = url;
	spec->revision.text = revision;
	*l = (struct listing){.arena = &arena, .from = spec, .list = ar_new(&arena, struct manifest)};
	return l;
}

/* The list of a folder on a web server with these sums, all files of `size` bytes. */
static struct manifest *
web(const char *sums, size_t n, long long size, const char *revision, struct err *e)
{
	struct listing *l = a_listing("https://h/dir", revision);
	const struct listing_way *way = source_of(l->from)->list;

	l->next = way->start(&arena, l->from);
	assert_string_equal(l->next, "https://h/dir/SHA256SUMS");
	if (!way->page(l, sums, n, e))
		return NULL;
	assert_null(l->next);
	for (size_t i = 0; i < l->list->n; i++) {
		struct listing_head head = {.size = size};

		assert_true(way->asks(&l->list->v[i]));
		if (!way->head(l, &l->list->v[i], &head, e))
			return NULL;
	}
	return listing_done(l, e);
}

static const char *
refused(const char *sums, size_t n, long long size, const char *revision)
{
	struct err e = {0};

	assert_null(web(sums, n, size, revision, &e));
	assert_true(*e.text);
	return arena_strdup(&arena, e.text);
}
#define REFUSED(sums) refused(sums, sizeof(sums) - 1, 5, "latest")

static void
test_web(void **state)
{
	static const char sums[] = B " *./sub/a b.json\n" A "  config.json\r\n\n" A "  SHA256SUMS";
	static const char other[] = A "  config.json\n" B "  sub/a b.json\n";
	struct err e = {0};
	struct manifest *m = web(sums, sizeof sums - 1, 5, "latest", &e), *same, *back;
	const char *text;

	(void)state;
	assert_non_null(m);
	assert_int_equal(m->n, 2);
	assert_int_equal(m->bytes, 10);
	assert_string_equal(m->v[0].path, "config.json");
	assert_string_equal(m->v[1].path, "sub/a b.json");
	assert_string_equal(m->v[1].blob, B);
	assert_true(hub_is_commit(m->commit));
	same = web(other, sizeof other - 1, 5, m->commit, &e);
	assert_string_equal(same->commit, m->commit);
	assert_string_not_equal(web(other, sizeof other - 1, 6, "latest", &e)->commit, m->commit);
	/* A recorded look keeps it. */
	text = listing_as_hub(&arena, m);
	back = hub_read(&arena, &(struct spec_model){0}, text, strlen(text), &e);
	assert_string_equal(back->commit, m->commit);
	assert_int_equal(back->bytes, 10);
	assert_string_equal(back->v[1].blob, B);
}

static void
test_refused(void **state)
{
	(void)state;
	assert_non_null(strstr(REFUSED(""), "it has no files"));
	assert_non_null(strstr(REFUSED("<html>"), "line 1 is not one of sha256sum"));
	assert_non_null(strstr(REFUSED(A "  a\n" A " a"), "line 2 is not one"));
	assert_non_null(strstr(REFUSED(A), "line 1 is not one"));
	assert_non_null(strstr(REFUSED(A "  "), "line 1 is not one"));
	assert_non_null(strstr(REFUSED(A "  ../x"), "invalid name, '../x'"));
	assert_non_null(strstr(REFUSED(A "  /etc/passwd"), "invalid name"));
	assert_non_null(strstr(REFUSED(A "  a//b"), "invalid name"));
	assert_non_null(strstr(REFUSED(A "  a\tb"), "invalid name"));
	assert_non_null(strstr(REFUSED("\\" A "  a\\nb"), "invalid name"));
	assert_non_null(strstr(REFUSED(A "  a\0b"), "line 1 is not one"));
	assert_non_null(strstr(REFUSED(A "  a\n" B "  a"), "has 'a' twice"));
	assert_non_null(strstr(REFUSED(A "  a\n" B "  a-b\n" B "  a/b"), "has 'a' twice"));
	assert_non_null(strstr(refused(A "  a", 67, -1, "latest"), "does not say the size of 'a'"));
	assert_non_null(strstr(refused(A "  a", 67, 5, "0123456789012345678901234567890123456789"),
			       "not what 'revision' pins"));
}

static void
test_urls(void **state)
{
	struct listing *l = a_listing("https://h/a%20dir", "latest");
	const struct listing_way *way = source_of(l->from)->list;

	(void)state;
	assert_string_equal(way->url(&arena, l->from, "sub/a b+c%.bin"), "https://h/a%20dir/sub/a%20b%2Bc%25.bin");
	assert_string_equal(hub_folder_name(&arena, "org/name"), "models--org--name");
	assert_non_null(strstr(hub_folder_name(&arena, "https://h:8/a dir"), "models--https--h--8--a--dir--"));
	assert_string_not_equal(hub_folder_name(&arena, "https://h/a"), hub_folder_name(&arena, "https://h//a"));
	assert_null(strchr(hub_folder_name(&arena, "/"), '/'));
	assert_null(strchr(hub_folder_name(&arena, "no slash"), ' '));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(test_web, teardown),
		cmocka_unit_test_teardown(test_refused, teardown),
		cmocka_unit_test_teardown(test_urls, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
