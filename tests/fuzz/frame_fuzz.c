/* libFuzzer: the stream of a node's shell -> frames. A byte 0xff stands for the nonce, so
 * that the fuzzer need not guess it. The frames must not depend on how the stream was cut. */
#include <stdint.h>
#include <string.h>

#include "executors/session/frame.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static const char nonce[] = "0123456789abcdef0123456789abcdef";

static uint64_t
mix(uint64_t h, const void *p, size_t n)
{
	const unsigned char *b = p;

	for (size_t i = 0; i < n; i++)
		h = (h ^ b[i]) * 1099511628211u;
	return (h ^ n) * 1099511628211u;
}

static uint64_t
read_all(const struct str *stream, size_t piece)
{
	struct frame_reader r;
	struct frame f;
	uint64_t h = 14695981039346656037u;

	frame_init(&r, nonce);
	for (size_t at = 0; at < stream->len; at += piece) {
		frame_feed(&r, stream->buf + at, stream->len - at < piece ? stream->len - at : piece);
		while (frame_next(&r, &f)) {
			h = mix(h, &f.type, sizeof f.type);
			h = mix(h, &f.id, sizeof f.id);
			if (f.type == FRAME_START && f.pid < 2)
				__builtin_trap();
			if (f.type == FRAME_SAY)
				h = mix(h, f.text, strlen(f.text));
			if (f.type != FRAME_END)
				continue;
			if (f.status < 0 || f.status > 255 || f.nout > FRAME_MAX_BODY ||
			    f.nerr > FRAME_MAX_BODY)
				__builtin_trap();
			h = mix(h, f.out, f.nout);
			h = mix(h, f.err, f.nerr);
		}
	}
	h = mix(h, &r.hello, sizeof r.hello);
	h = mix(h, r.broken ? "broken" : "", r.broken ? 6 : 0);
	frame_release(&r);
	return h;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct str stream = {0};

	if (!n)
		return 0;
	for (size_t i = 1; i < n; i++) {
		if (data[i] == 0xff)
			str_puts(&stream, nonce);
		else
			str_putc(&stream, (char)data[i]);
	}
	if (stream.len && read_all(&stream, stream.len) != read_all(&stream, data[0] % 97u + 1))
		__builtin_trap();
	str_release(&stream);
	return 0;
}
