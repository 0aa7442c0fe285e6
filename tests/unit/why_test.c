/* Why an engine died: recorded failures, each with the line that names the cause. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "planner/base/str.h"
#include "planner/why/evidence.h"
#include "planner/why/log_line.h"
#include "planner/why/log_merge.h"
#include "planner/why/why.h"
#include "tests/unit/whole_file.h"

#define FAILURES "tests/fixtures/vllm-failures/"

static struct why_log
log_of(struct arena *a, const char *path)
{
	struct why_log log = {.name = arena_strdup(a, strrchr(path, '/') + 1)};

	log.text = whole_file(a, path, &log.n);
	return log;
}

/* All logs of a case. */
static size_t
logs_of(struct arena *a, const char *name, struct why_log *logs)
{
	glob_t g;
	size_t n;

	assert_int_equal(glob(arena_printf(a, FAILURES "%s.*", name), 0, NULL, &g), 0);
	for (n = 0; n < g.gl_pathc; n++)
		logs[n] = log_of(a, g.gl_pathv[n]);
	globfree(&g);
	return n;
}

/* Every case of causes.tsv: its file and line, or that no log names a cause. */
static void
test_recorded(void **state)
{
	FILE *f = fopen(FAILURES "causes.tsv", "r");
	char row[1024], name[256], file[256], line[32];
	size_t named = 0, right = 0, unnamed = 0, silent = 0;

	(void)state;
	assert_non_null(f);
	while (fgets(row, sizeof row, f)) {
		struct arena a = {0};
		struct why_log logs[8];
		struct why why;

		if (sscanf(row, "%255s %255s %31s", name, file, line) != 3 || strcmp(name, "case") == 0)
			continue;
		why = why_find(&a, logs, logs_of(&a, name, logs));
		if (strcmp(line, "-") == 0) {
			unnamed++;
			silent += !why.log;
			if (why.log)
				printf("%s: nothing was to be named, not %s:%zu: %s\n", name, why.log->name,
				       why.line, why.text);
		} else {
			bool hit = why.log && strcmp(why.log->name, file) == 0 &&
				why.line == strtoul(line, NULL, 10);

			named++;
			right += hit;
			if (!hit)
				printf("%s: %s:%s was to be named, not %s:%zu: %s\n", name, file, line,
				       why.log ? why.log->name : "-", why.line, why.log ? why.text : "");
			else if (!why.saying)
				printf("%s: not in the table: %s\n", name, why.text);
		}
		arena_release(&a);
	}
	fclose(f);
	printf("diagnosis: %zu of %zu causes named, %zu of %zu without a line left unnamed\n", right,
	       named, silent, unnamed);
	assert_true(named > 40 && right * 100 >= named * 95);
	assert_int_equal(silent, unnamed);
}

/* The prefix of a line is removed, and its time is kept. */
static void
test_line(void **state)
{
	static const struct {
		const char *line, *text, *who;
		char level;
		bool timed;
	} cases[] = {
		{"plain words", "plain words", "", 0, false},
		{"(Worker_TP1 pid=34) ERROR 11-22 20:30:53 [core.py:953] ValueError: no", "ValueError: no",
		 "Worker_TP1", 'E', true},
		{"2026-11-29T10:35:34.123456789Z (APIServer pid=1) WARNING 11-22 20:30:53 [x.py:1]   a",
		 "a", "APIServer", 'W', true},
		{"\033[36m(EngineCore_DP0 pid=3)\033[0;0m INFO 01-02 03:04:05 [a.py:7] b", "b",
		 "EngineCore_DP0", 'I', true},
		{"\033[36m(pid=77, ip=10.0.0.2)\033[0m c", "(pid=77, ip=10.0.0.2) c", "", 0, false},
		{"(EngineCore pid=1) (RayWorkerWrapper pid=77, ip=10.0.0.2) d", "d", "RayWorkerWrapper", 0,
		 false},
		{"(raylet, ip=10.0.0.2) e", "e", "raylet", 0, false},
		{"[2026-11-22 20:19:44,609 W 21 21] rpc_client.h:153: Failed", "Failed", "", 'W', true},
		{"2026-11-22 20:19:44,609\tERROR services.py:1300 -- Failed to start", "Failed to start", "",
		 'E', true},
		{"[E1122 20:22:59.960251354 socket.cpp:818] [c10d] The client", "The client", "", 'E', true},
		{"INFO:     10.0.0.9:58214 - \"POST / HTTP/1.1\" 404 Not Found",
		 "10.0.0.9:58214 - \"POST / HTTP/1.1\" 404 Not Found", "", 'I', false},
		{"Loading: 10%\rLoading: 100%\r", "Loading: 100%", "", 0, false},
		{"[E1399 99:99:nan x.cpp:1] text", "text", "", 'E', false},
		{"  |   Value error, x", "Value error, x", "", 0, false},
		{"(not a speaker) f", "(not a speaker) f", "", 0, false},
		{"", "", "", 0, false},
	};
	struct log_line l;

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		log_line_read(&l, cases[i].line, strlen(cases[i].line));
		assert_string_equal(l.text, cases[i].text);
		assert_string_equal(l.who, cases[i].who);
		assert_int_equal(l.level, cases[i].level);
		assert_int_equal(l.at >= 0, cases[i].timed);
	}
}

/* The line that is found in these logs, as "LOG:LINE", or "none". */
static const char *
found_in(struct arena *a, const char *one, const char *two)
{
	const struct why_log logs[] = {{"one", one, strlen(one)}, {"two", two, strlen(two)}};
	struct why why = why_find(a, logs, 2);

	return why.log ? arena_printf(a, "%s:%zu", why.log->name, why.line) : "none";
}

static void
test_choice(void **state)
{
	struct arena a = {0};

	(void)state;
	/* Hearsay does not name a cause. Waiting does, if nothing else does and it still waits. */
	assert_string_equal(found_in(&a, "RuntimeError: Engine core initialization failed. See root cause above.\n",
				     ""), "none");
	assert_string_equal(found_in(&a, "[W1122 20:22:56.8 s.cpp:7] [c10d] The client socket has failed to connect to x\n",
				     "all is well\n"), "one:1");
	assert_string_equal(found_in(&a, "Failed to connect to GCS\n"
				     "INFO:     1\nINFO:     2\nINFO:     3\nINFO:     4\nINFO:     5\n"
				     "INFO:     6\nINFO:     7\nINFO:     8\nINFO:     9\nINFO:     10\n", ""), "none");
	/* An unknown exception wins over a process that only saw another one die later, and
	 * over the death that the exception caused. */
	assert_string_equal(found_in(&a, "ERROR 11-22 20:30:54 [x.py:1] Worker proc 1 died unexpectedly\n",
				     "ERROR 11-22 20:30:53 [y.py:1] KeyError: 'layers.0'\n"), "two:1");
	assert_string_equal(found_in(&a, "ERROR 11-22 20:30:54 [x.py:1] KeyError: 'rank'\n",
				     "ERROR 11-22 20:30:53 [y.py:1] Worker proc 1 died unexpectedly\n"), "two:1");
	/* A known cause wins over an earlier unknown exception. */
	assert_string_equal(found_in(&a, "KeyError: 'optional'\n",
				     "torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 896.00 MiB.\n"),
			    "two:1");
	/* Text in the source lines of a traceback does not count. */
	assert_string_equal(found_in(&a, "Traceback (most recent call last):\n  File \"x.py\", line 1, in f\n"
				     "    raise ImportError(\"CUDA out of memory\")\nKeyError: 'x'\n", ""), "one:4");
	/* An assertion without a message; one with a message; a message on the next line. */
	assert_string_equal(found_in(&a, "    assert a == b\n           ^^^^^^\nAssertionError\n", ""), "one:1");
	assert_string_equal(found_in(&a, "    assert a == b, \"x\"\nAssertionError: x\n", ""), "one:2");
	assert_string_equal(found_in(&a, "RuntimeError:\n    An attempt was made\n", ""), "one:1");
	/* What Python ignores, a warning, and lines that mention errors without being one. */
	assert_string_equal(found_in(&a, "Exception ignored in: <function x>\nKeyError: 'psm'\n", ""), "none");
	assert_string_equal(found_in(&a, "WARNING 11-22 20:30:53 [x.py:1] ImportError: no triton\n", ""), "none");
	assert_string_equal(found_in(&a, "(W pid=1) ERROR 11-22 20:30:53 [x.py:1] Failed to frobnicate\n", ""), "one:1");
	arena_release(&a);
}

static void
test_fits(void **state)
{
	(void)state;
	assert_true(saying_fits("a*c", "xxaybzcxx"));
	assert_false(saying_fits("a*c", "xxcyba"));
	assert_true(saying_fits("^ab*d", "abcd"));
	assert_false(saying_fits("^ab", "xab"));
	assert_true(saying_fits("end*", "the end"));
	assert_ptr_equal(saying_of("nothing of this kind"), NULL);
}

/* The line that is found in a report of node n2, and one of n1 that only has hearsay. */
static const char *
reported(struct arena *a, const char *report)
{
	static const char other[] = "alive container c: running, exit 0\nlog serve\n|RuntimeError: Engine core "
				    "initialization failed.\n";
	struct evidence e = {0};
	struct why why;
	bool by_log;

	evidence_read(a, &e, "n1", "serve", other, sizeof other - 1);
	evidence_read(a, &e, "n2", NULL, report, strlen(report));
	why = evidence_why(a, &e, &by_log);
	return evidence_line(a, &e, &why, by_log);
}

static void
test_evidence(void **state)
{
	static const struct { const char *report, *line; } cases[] = {
		{"", NULL},
		{"log rank\n|ValueError: x\n", "rank[n2]: ValueError: x"},
		{"log serve\n|ValueError: x", "serve[n2]: ValueError: x"},
		{"log rank\n|(Worker_TP1 pid=3) ValueError: x\n", "rank[n2], Worker_TP1: ValueError: x"},
		/* Two logs. Lines before a log and logs without a name are ignored. */
		{"log head\n|all is well\nlog rank\n|ValueError: x\n", "rank[n2]: ValueError: x"},
		{"|ValueError: x\nlog \n|ValueError: y\nlog ../x\n|ValueError: z\nlog rank", NULL},
		{"log averyveryverylongword\n|ValueError: x\n", NULL},
		{"ValueError: x\nrubbish\n|\n|", NULL},
		/* States count if no log says more; what the kernel did always counts. */
		{"state container c: exited, exit 1\n",
		 "no log names it; the nodes show: n2: container c: exited, exit 1"},
		{"state \033[31mred\n", "no log names it; the nodes show: n2: \\x1b[31mred"},
		{"state container c: exited, exit 137\nlog rank\n|ValueError: x\n", "rank[n2]: ValueError: x"},
		{"state 2026-11-22T20:00:04Z container c: exited, exit 137\nlog rank\n"
		 "|2026-11-22T20:00:05Z ValueError: x\n",
		 "no log names it; the nodes show: n2: 2026-11-22T20:00:04Z container c: exited, exit 137"},
		{"state container c: exited, exit 137, out of memory\nlog rank\n|ValueError: x\n",
		 "no log names it; the nodes show: n2: container c: exited, exit 137, out of memory"},
		{"state process of serve: was killed\n",
		 "no log names it; the nodes show: n2: process of serve: was killed"},
		{"state a\nstate b\nstate c\nstate d\nstate e\n",
		 "no log names it; the nodes show: n2: a; n2: b; n2: c; and 2 more"},
		{"alive container c: running, exit 0\n", NULL},
		/* What failed hours before is not the cause; without times, all may be. */
		{"log rank\n|2026-11-22T20:00:05Z ValueError: of a request\n|still of it\n"
		 "|2026-11-22T22:00:05Z ValueError: x\n", "rank[n2]: ValueError: x"},
		{"log rank\n|2026-11-22T20:00:05Z ValueError: x\n|2026-11-22T20:59:05Z end\n", "rank[n2]: ValueError: x"},
		{"log rank\n|2026-12-31T23:59:05Z ValueError: x\n|2027-01-01T00:00:05Z end\n", "rank[n2]: ValueError: x"},
		{"log rank\n|2026-11-22T20:00:05Z ValueError: of a request\n|2026-11-22T22:00:05Z all is well\n", NULL},
	};
	struct arena a = {0};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		const char *line = reported(&a, cases[i].report);

		if (cases[i].line)
			assert_string_equal(line ? line : "nothing", cases[i].line);
		else if (line)
			fail_msg("%s: %s", cases[i].report, line);
	}
	arena_release(&a);
}

/* The first letters of the merged lines. */
static const char *
merged(struct arena *a, const char *one, const char *two, struct log_wanted w)
{
	const struct why_log logs[] = {{"one", one, strlen(one)}, {"two", two, strlen(two)}};
	struct log_merged m = log_merge(a, logs, 2, &w);
	struct str s = {0};
	const char *letters;

	for (size_t i = 0; i < m.n; i++) {
		struct log_line l;

		log_line_whole(&l, m.v[i].text, m.v[i].n);
		str_putc(&s, l.text[0]);
	}
	letters = arena_strdup(a, str_text(&s));
	str_release(&s);
	return letters;
}

static void
test_merge(void **state)
{
	static const char one[] = "before\n2026-11-22T20:00:02Z b\ncontinued\n2026-11-22T20:00:04Z d\n"
				  "2026-11-22T20:00:03Z a clock that goes back\n",
			  two[] = "2026-11-22T20:00:01Z A\n2026-11-22T20:00:02Z B\n2026-11-22T20:00:05Z E\n";
	const struct log_wanted all = {.since = -1};
	struct log_wanted since = all, last = all;
	struct arena a = {0};
	struct log_line l;
	regex_t re;

	(void)state;
	assert_string_equal(merged(&a, one, two, all), "AbbcBdaE");
	assert_string_equal(merged(&a, "x\ny\n", two, all), "xyABE");
	assert_string_equal(merged(&a, "", "", all), "");
	last.tail = 1;
	assert_string_equal(merged(&a, one, two, last), "aE");
	log_line_read(&l, "2026-11-22T20:00:03Z x", 22);
	since.since = l.at;
	assert_string_equal(merged(&a, one, two, since), "daE");
	assert_int_equal(regcomp(&re, "^[bE]|clock", REG_EXTENDED | REG_NOSUB), 0);
	since = all;
	since.grep = &re;
	assert_string_equal(merged(&a, one, two, since), "bbaE");
	since.tail = 1;
	assert_string_equal(merged(&a, one, two, since), "aE");
	regfree(&re);
	/* Times have no year: January comes after December. */
	assert_string_equal(merged(&a, "2027-01-01T00:00:01Z j\n", "2026-12-31T23:59:59Z d\n2027-01-01T00:00:02Z k\n",
				   all), "djk");
	log_line_read(&l, "2026-12-31T23:59:00Z x", 22);
	since = (struct log_wanted){.since = l.at};
	assert_string_equal(merged(&a, "2027-01-01T00:00:01Z j\n", "2026-12-31T23:58:59Z d\n", since), "j");
	arena_release(&a);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_line),
		cmocka_unit_test(test_evidence),
		cmocka_unit_test(test_merge),
		cmocka_unit_test(test_fits),
		cmocka_unit_test(test_choice),
		cmocka_unit_test(test_recorded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
