/* Lists of files from servers that are not the Hub: names and sizes are checked, and the identity
 * is that of the files. */
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

/* ---- buckets ---- */

#define MD5 "0123456789abcdef0123456789abcdef"
#define LIST(inside) "<?xml version=\"1.0\"?>\n<ListBucketResult xmlns=\"http://s3\">" inside \
	"</ListBucketResult>"
#define OBJECT(key, size, etag) "<Contents><Key>" key "</Key><ETag>" etag "</ETag><Size>" size \
	"</Size></Contents>"

static struct listing *
a_bucket(void)
{
	struct listing *l = a_listing("s3://my.bucket/llm/tiny", "latest");

	((struct spec_model *)(uintptr_t)l->from)->endpoint.text = "https://s3";
	return l;
}

static bool
take(struct listing *l, const char *text, struct err *e)
{
	return source_of(l->from)->list->page(l, text, strlen(text), e);
}

static const char *
bad_list(const char *text)
{
	struct err e = {0};

	if (take(a_bucket(), text, &e))
		fail_msg("it was taken: %s", text);
	return arena_strdup(&arena, e.text);
}

static void
test_bucket(void **state)
{
	struct listing *l = a_bucket();
	const struct listing_way *way = source_of(l->from)->list;
	struct err e = {0};
	struct manifest *m;

	(void)state;
	assert_string_equal(way->start(&arena, l->from),
			    "https://s3/my.bucket?encoding-type=url&list-type=2&max-keys=1000&prefix=llm%2Ftiny%2F");
	assert_true(take(l, LIST("<IsTruncated>true</IsTruncated><NextContinuationToken>a/b=</NextContinuationToken>"
				 OBJECT("llm/tiny/", "0", "&quot;x&quot;")
				 OBJECT("llm/tiny/a+b%2B&amp;.json", "5", "&quot;" MD5 "&quot;")), &e));
	assert_string_equal(l->next, "https://s3/my.bucket?continuation-token=a%2Fb%3D&encoding-type=url&"
			    "list-type=2&max-keys=1000&prefix=llm%2Ftiny%2F");
	assert_true(take(l, LIST(OBJECT("llm/tiny/c", "9", "&#34;" MD5 "-2&#34;")
				 OBJECT("llm/tiny/d", "1", "&quot;" MD5 "&quot;")
				 "<IsTruncated>false</IsTruncated>"), &e));
	assert_null(l->next);
	assert_int_equal(l->list->n, 3);
	assert_string_equal(l->list->v[0].path, "a b+&.json");
	assert_string_equal(way->url(&arena, l->from, "a b+&.json"),
			    "https://s3/my.bucket/llm/tiny/a%20b%2B%26.json");
	for (size_t i = 0; i < 3; i++) {
		struct listing_head head = {.size = l->list->v[i].size, .etag = l->list->v[i].etag,
			.encryption = i == 2 ? "aws:kms" : "AES256"};

		assert_true(way->asks(&l->list->v[i]));
		assert_true(way->head(l, &l->list->v[i], &head, &e));
	}
	m = listing_done(l, &e);
	assert_string_equal(m->v[0].blob, MD5);
	assert_null(m->v[1].blob);              /* in parts */
	assert_string_equal(m->v[1].etag, "\"" MD5 "-2\"");
	assert_null(m->v[2].blob);              /* its ETag is not the MD5 */
	assert_int_equal(m->bytes, 15);
}

static void
test_bucket_hashes(void **state)
{
	struct listing *l = a_bucket();
	const struct listing_way *way = source_of(l->from)->list;
	struct err e = {0};
	struct listing_head head = {.size = 5, .etag = "\"" MD5 "\"",
		.sha256 = "ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0="};
	char sums[] = A "  a\n" B "  other/b";

	(void)state;
	assert_true(take(l, LIST(OBJECT("llm/tiny/a", "5", "x") OBJECT("llm/tiny/SHA256SUMS", "5", "x")), &e));
	assert_string_equal(l->next, "https://s3/my.bucket/llm/tiny/SHA256SUMS");
	assert_false(take(l, sums, &e));
	assert_non_null(strstr(e.text, "SHA256SUMS: there is no 'other/b'"));
	sums[sizeof A + 2] = '\0';
	assert_true(take(l, sums, &e));
	assert_false(way->asks(&l->list->v[0]));
	assert_string_equal(l->list->v[0].blob, A);
	assert_true(way->head(l, &l->list->v[0], &head, &e));
	assert_string_equal(l->list->v[0].blob, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
	head.sha256 = "ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0=-2";
	assert_true(way->head(l, &l->list->v[0], &head, &e));
	assert_string_equal(l->list->v[0].blob, MD5);
	head.size = 6;
	assert_false(way->head(l, &l->list->v[0], &head, &e));
}

static void
test_bad_bucket(void **state)
{
	const struct listing_way *way = source_of(a_bucket()->from)->list;
	static const char error[] = "<?xml?><Error><Code>NoSuchBucket</Code></Error>";

	(void)state;
	assert_string_equal(way->said(&arena, error, sizeof error - 1), "NoSuchBucket");
	assert_null(way->said(&arena, "<html>", 6));
	assert_non_null(strstr(bad_list(""), "not a list of a bucket"));
	assert_non_null(strstr(bad_list("<ListBucketResult>"), "not a list of a bucket"));
	assert_non_null(strstr(bad_list(LIST(OBJECT("llm/other/a", "1", "x"))), "invalid key"));
	assert_non_null(strstr(bad_list(LIST(OBJECT("llm/tiny/%0", "1", "x"))), "invalid key"));
	assert_non_null(strstr(bad_list(LIST(OBJECT("llm/tiny/%00", "1", "x"))), "invalid key"));
	assert_non_null(strstr(bad_list(LIST(OBJECT("llm/tiny/a<b/>", "1", "x"))), "invalid key"));
	assert_non_null(strstr(bad_list(LIST(OBJECT("llm/tiny/&evil;", "1", "x"))), "invalid key"));
	assert_non_null(strstr(bad_list(LIST(OBJECT("llm/tiny/%2e./a", "1", "x"))), "invalid name"));
	assert_non_null(strstr(bad_list(LIST(OBJECT("llm/tiny/a", "-1", "x"))), "size of 'a'"));
	assert_non_null(strstr(bad_list(LIST(OBJECT("llm/tiny/a", "99999999999999999999", "x"))), "valid size"));
	assert_non_null(strstr(bad_list(LIST("<IsTruncated>true</IsTruncated>")), "ends in the middle"));
}

/* ---- ModelScope ---- */

#define FILES(inside) "{\"Code\": 200, \"Data\": {\"Files\": [" inside "]}, \"Success\": true}"
#define BLOB(path, size, sha) "{\"Type\": \"blob\", \"Path\": \"" path "\", \"Size\": " size \
	", \"Sha256\": \"" sha "\"}"

static struct listing *
a_modelscope(const char *revision)
{
	struct listing *l = a_listing(NULL, revision);
	struct spec_model *spec = (struct spec_model *)(uintptr_t)l->from;

	spec->repo.text = "modelscope:org/name";
	spec->endpoint.text = "https://ms";
	return l;
}

static void
test_modelscope(void **state)
{
	static const char commit[] = "4bd66bfde98f87a10cf200e11b699a1c50d75378";
	struct listing *l = a_modelscope("v1/x");
	const struct weights_source *source = source_of(l->from);
	struct err e = {0};
	struct manifest *m;

	(void)state;
	assert_string_equal(source->served_name(l->from), "org/name");
	assert_string_equal(source->list->start(&arena, l->from),
			    "https://ms/api/v1/models/org/name/repo/files?Revision=v1%2Fx&Recursive=True");
	assert_string_equal(source->list->url(&arena, l->from, "sub/a b"),
			    "https://ms/api/v1/models/org/name/repo?Revision=v1%2Fx&FilePath=sub%2Fa%20b");
	assert_string_equal(hub_folder_name(&arena, "modelscope:org/name"), "models--modelscope--org--name");
	assert_true(take(l, FILES("{\"Type\": \"tree\", \"Path\": \"sub\", \"Size\": 0},"
				  BLOB("sub/a", "5", A) "," BLOB("b", "6", "")), &e));
	m = listing_done(l, &e);
	assert_int_equal(m->n, 2);
	assert_null(m->v[0].blob);
	assert_string_equal(m->v[1].blob, A);
	assert_true(hub_is_commit(m->commit));
	l = a_modelscope(commit);
	assert_true(take(l, FILES(BLOB("b", "6", A)), &e));
	assert_string_equal(listing_done(l, &e)->commit, commit);
}

static void
test_bad_modelscope(void **state)
{
	static const struct { const char *text, *why; } bad[] = {
		{"", "no list of files"}, {"[]", "no list of files"}, {"{\"Data\": {\"Files\": 5}}", "no list"},
		{"{\"Code\": 10010205001, \"Message\": \"not there\"}", "it says: not there"},
		{FILES(BLOB("../x", "5", A)), "invalid name"}, {FILES(BLOB("x", "-5", A)), "size of 'x'"},
		{FILES("{\"Size\": 5}"), "without a name"}, {FILES("5"), "without a name"},
		{FILES("{\"Path\": \"x\", \"Size\": \"5\"}"), "size of 'x'"},
		{"{\"Data\": {\"Files\": [], \"TotalCount\": 5}}", "0 of 5 files"},
	};
	const struct listing_way *way = source_of(a_modelscope("master")->from)->list;

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		struct err e = {0};

		if (take(a_modelscope("master"), bad[i].text, &e))
			fail_msg("it was taken: %s", bad[i].text);
		if (!strstr(e.text, bad[i].why))
			fail_msg("%s: %s", bad[i].text, e.text);
	}
	assert_string_equal(way->said(&arena, "{\"Message\": \"no\"}", 17), "no");
	assert_null(way->said(&arena, "no", 2));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(test_web, teardown),
		cmocka_unit_test_teardown(test_refused, teardown),
		cmocka_unit_test_teardown(test_urls, teardown),
		cmocka_unit_test_teardown(test_bucket, teardown),
		cmocka_unit_test_teardown(test_bucket_hashes, teardown),
		cmocka_unit_test_teardown(test_bad_bucket, teardown),
		cmocka_unit_test_teardown(test_modelscope, teardown),
		cmocka_unit_test_teardown(test_bad_modelscope, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
