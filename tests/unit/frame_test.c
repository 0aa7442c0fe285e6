/* The frame reader: complete streams, cut streams, and streams that lie. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "executors/session/frame.h"
#include "planner/base/arena.h"

#define N "0123456789abcdef0123456789abcdef"

static struct frame_reader reader;

static int
setup(void **state)
{
	(void)state;
	frame_init(&reader, N);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	frame_release(&reader);
	return 0;
}

static void
feed(const char *text)
{
	frame_feed(&reader, text, strlen(text));
}

static void
noise_is_dropped(void **state)
{
	struct frame f;

	(void)state;
	feed("Welcome to gpu-1!\nno newline here" "\n" N " hello 1\nstray line\n");
	assert_true(frame_next(&reader, &f));
	assert_int_equal(f.type, FRAME_HELLO);
	assert_false(frame_next(&reader, &f));
	/* Another nonce is noise, and so is ours in the middle of a line. */
	feed("ffffffffffffffffffffffffffffffff 1 lost\n x" N " 1 lost\n" N "1 lost\n" N "\n");
	assert_false(frame_next(&reader, &f));
	assert_null(reader.broken);
	feed(N " 1 lost\n");
	assert_true(frame_next(&reader, &f));
	assert_int_equal(f.type, FRAME_LOST);
}

static void
every_frame_byte_by_byte(void **state)
{
	static const char stream[] = "\n" N " hello 1\n" N " 7 start 4711\n" N " 7 say progress  a b \n"
		N " 7 end 255 3 4 0 1\no\0\nerr\n" N " 8 end 0 0 0 0 0\n";
	struct frame f;
	int observed = 0;

	(void)state;
	for (size_t i = 0; i < sizeof stream - 1; i++) {
		frame_feed(&reader, stream + i, 1);
		if (!frame_next(&reader, &f))
			continue;
		switch (observed++) {
		case 0:
			assert_int_equal(f.type, FRAME_HELLO);
			break;
		case 1:
			assert_int_equal(f.type, FRAME_START);
			assert_int_equal(f.id, 7);
			assert_int_equal(f.pid, 4711);
			break;
		case 2:
			assert_int_equal(f.type, FRAME_SAY);
			assert_string_equal(f.text, "progress  a b ");
			break;
		case 3:
			assert_int_equal(f.type, FRAME_END);
			assert_int_equal(f.status, 255);
			assert_int_equal(f.nout, 3);
			assert_memory_equal(f.out, "o\0\n", 3);
			assert_memory_equal(f.err, "err\n", 4);
			assert_false(f.out_cut);
			assert_true(f.err_cut);
			break;
		case 4:
			assert_int_equal(f.id, 8);
			assert_int_equal(f.nout + f.nerr, 0);
			break;
		}
	}
	assert_int_equal(observed, 5);
}

static void
a_wrong_frame_of_ours_ends_the_stream(void **state)
{
	static const char *const lies[] = {
		N " 1 end 256 0 0 0 0\n", N " 1 end 0 8388609 0 0 0\n", N " 1 end 0 0 0 0\n",
		N " 1 end 0 0 0 0 2\n", N " 1 end 0 0 0 0 0 0\n", N " 1 end -1 0 0 0 0\n",
		N " 1 start 1\n", N " 1 start 0\n", N " 1 start -5\n", N " 1 start 99999999999\n",
		N " hello 2\n", N " 1 bye\n", N " x end 0 0 0 0 0\n", N " \n",
		N " 99999999999999999999999999 lost\n",
	};

	(void)state;
	for (size_t i = 0; i < sizeof lies / sizeof *lies; i++) {
		struct frame f;

		frame_release(&reader);
		frame_init(&reader, N);
		feed(lies[i]);
		assert_false(frame_next(&reader, &f));
		assert_non_null(reader.broken);
		feed(N " hello 1\n");
		assert_false(frame_next(&reader, &f));
	}
}

static void
a_node_that_prints_without_end_is_given_up(void **state)
{
	char *noise = xmalloc(FRAME_MAX_NOISE / 2 + 2);
	struct frame f;

	(void)state;
	memset(noise, 'x', FRAME_MAX_NOISE / 2);
	memcpy(noise + FRAME_MAX_NOISE / 2, "\n", 2);
	feed("\n" N " hello 1\n");
	assert_true(frame_next(&reader, &f));
	/* With answers in between, there may be much noise. */
	for (int i = 0; i < 5; i++) {
		feed(noise);
		assert_false(frame_next(&reader, &f));
		feed(N " 1 say x\n");
		assert_true(frame_next(&reader, &f));
	}
	for (int i = 0; i < 3; i++) {
		assert_null(reader.broken);
		feed(noise);
		assert_false(frame_next(&reader, &f));
	}
	assert_non_null(reader.broken);
	free(noise);
}

static void
a_login_that_prints_without_end_is_given_up(void **state)
{
	char *block = xmalloc(1 << 20);
	struct frame f;

	(void)state;
	memset(block, 'x', 1 << 20);
	for (int i = 0; i < 5; i++) {
		assert_null(reader.broken);
		frame_feed(&reader, block, 1 << 20);
		assert_false(frame_next(&reader, &f));
		assert_true(reader.buf.cap < (4u << 20));
	}
	assert_non_null(reader.broken);
	free(block);
}

static void
a_long_line_is_dropped_whole(void **state)
{
	char *block = xmalloc(FRAME_MAX_LINE);
	struct frame f;

	(void)state;
	memset(block, 'x', FRAME_MAX_LINE);
	feed(N " hello 1\n");
	assert_true(frame_next(&reader, &f));
	feed(N " 1 say ");
	for (int i = 0; i < 3; i++) {
		frame_feed(&reader, block, FRAME_MAX_LINE);
		assert_false(frame_next(&reader, &f));
	}
	feed("\n" N " 1 lost\n");
	assert_true(frame_next(&reader, &f));
	assert_int_equal(f.type, FRAME_LOST);
	free(block);
}

static void
a_body_may_look_like_a_frame(void **state)
{
	struct frame f;

	(void)state;
	feed(N " 1 end 0 40 0 0 0\n" N " 1 lost\n" N " 2 lost\n");
	assert_true(frame_next(&reader, &f));
	assert_memory_equal(f.out, N " 1 lost\n", 40);
	assert_true(frame_next(&reader, &f));
	assert_int_equal(f.type, FRAME_LOST);
	assert_int_equal(f.id, 2);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
		T(noise_is_dropped),
		T(a_node_that_prints_without_end_is_given_up),
		T(every_frame_byte_by_byte),
		T(a_wrong_frame_of_ours_ends_the_stream),
		T(a_login_that_prints_without_end_is_given_up),
		T(a_long_line_is_dropped_whole),
		T(a_body_may_look_like_a_frame),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
