/* Two plots, one over the other: output tokens per second, and the time to the first token. */
#include <string.h>

#include "planner/base/utf8.h"
#include "planner/engines/benchmark.h"

enum { WIDTH = 720, HEIGHT = 560, LEFT = 90, RIGHT = 30, TOP = 60, PLOT = 180, GAP = 70, LINES = 4 };

struct plot {
	const struct bench *bench;
	struct str *to;
	int top;                        /* where it begins */
	double most;                    /* the value at its upper edge */
};

/* Text between tags. What XML has no character for is left out. */
static void
svg_text(struct str *to, const char *s)
{
	uint32_t code;

	for (size_t n = strlen(s), len; n; s += len, n -= len) {
		len = utf8_next(s, n, &code);
		if (code == UTF8_BAD || (code < ' ' && code != '\t') || code == 0xfffe || code == 0xffff)
			continue;
		if (code == '&')
			str_puts(to, "&amp;");
		else if (code == '<')
			str_puts(to, "&lt;");
		else if (code == '>')
			str_puts(to, "&gt;");
		else
			str_add(to, s, len);
	}
}

/* Numbers of requests at a time mostly double or more, so they have equal distances. */
static double
svg_x(const struct plot *p, size_t i)
{
	size_t n = p->bench->step.n;

	return n < 2 ? (LEFT + WIDTH - RIGHT) / 2.0 : LEFT + (double)(WIDTH - LEFT - RIGHT) * (double)i / (double)(n - 1);
}

static double
svg_y(const struct plot *p, double v)
{
	return p->top + PLOT * (1 - v / p->most);
}

/* The next of 1, 2, 2.5, 5, 10, ... such that LINES of them reach v. */
static double
svg_most(double v)
{
	static const double nice[] = {1, 2, 2.5, 5};
	double each = v / LINES;

	for (double ten = 0.001; ten < 1e15; ten *= 10)
		for (size_t i = 0; i < sizeof nice / sizeof *nice; i++)
			if (nice[i] * ten >= each * 0.999999)
				return LINES * nice[i] * ten;
	return v;
}

static double svg_more(double a, double b) { return a > b ? a : b; }

static void
svg_frame(const struct plot *p, const char *title)
{
	str_printf(p->to, "<text x=\"%d\" y=\"%d\" class=\"title\">", LEFT, p->top - 12);
	svg_text(p->to, title);
	str_puts(p->to, "</text>\n");
	for (int i = 0; i <= LINES; i++) {
		double v = p->most * i / LINES, y = svg_y(p, v);

		str_printf(p->to, "<line x1=\"%d\" y1=\"%.1f\" x2=\"%d\" y2=\"%.1f\" class=\"grid\"/>\n"
			   "<text x=\"%d\" y=\"%.1f\" class=\"left\">%g</text>\n", LEFT, y, WIDTH - RIGHT, y,
			   LEFT - 8, y + 4, v);
	}
	for (size_t i = 0; i < p->bench->step.n; i++)
		str_printf(p->to, "<text x=\"%.1f\" y=\"%d\" class=\"below\">%lld</text>\n", svg_x(p, i),
			   p->top + PLOT + 18, p->bench->step.v[i].concurrency);
}

/* A line through the values that are known, with a point at each. */
static void
svg_line(const struct plot *p, const char *class, double (*value)(const struct bench_step *))
{
	str_printf(p->to, "<polyline class=\"%s\" points=\"", class);
	for (size_t i = 0; i < p->bench->step.n; i++) {
		double v = value(&p->bench->step.v[i]);

		if (v >= 0)
			str_printf(p->to, "%.1f,%.1f ", svg_x(p, i), svg_y(p, v));
	}
	str_puts(p->to, "\"/>\n");
	for (size_t i = 0; i < p->bench->step.n; i++) {
		double v = value(&p->bench->step.v[i]);

		if (v >= 0)
			str_printf(p->to, "<circle class=\"%s\" cx=\"%.1f\" cy=\"%.1f\" r=\"4\"><title>%g</title></circle>\n",
				   class, svg_x(p, i), svg_y(p, v), v);
	}
}

static double svg_tokens(const struct bench_step *s) { return s->tokens; }
static double svg_ttft(const struct bench_step *s) { return s->ttft; }
static double svg_ttft_p99(const struct bench_step *s) { return s->ttft_p99; }

void
bench_svg(const struct bench *b, const char *title, struct str *to)
{
	struct plot tokens = {b, to, TOP, 0}, first = {b, to, TOP + PLOT + GAP, 0};

	for (size_t i = 0; i < b->step.n; i++) {
		const struct bench_step *s = &b->step.v[i];

		tokens.most = svg_more(tokens.most, s->tokens);
		first.most = svg_more(first.most, svg_more(s->ttft, s->ttft_p99));
	}
	tokens.most = svg_most(tokens.most);
	first.most = svg_most(first.most);
	str_printf(to, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
		   "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" height=\"%d\" viewBox=\"0 0 %d %d\">\n"
		   "<style>text { font: 13px sans-serif; fill: #222 } .head { font-size: 15px; font-weight: bold }\n"
		   ".title { font-weight: bold } .left { text-anchor: end } .below, .axis { text-anchor: middle }\n"
		   ".grid { stroke: #ddd } polyline { fill: none; stroke-width: 2 }\n"
		   "polyline.a { stroke: #1668b8 } circle.a { fill: #1668b8 }\n"
		   "polyline.b { stroke: #b8561a } circle.b { fill: #b8561a }\n"
		   "polyline.c { stroke: #8a8a8a } circle.c { fill: #8a8a8a }</style>\n"
		   "<rect width=\"%d\" height=\"%d\" fill=\"#fff\"/>\n<text x=\"%d\" y=\"22\" class=\"head\">",
		   WIDTH, HEIGHT, WIDTH, HEIGHT, WIDTH, HEIGHT, LEFT);
	svg_text(to, title);
	str_puts(to, "</text>\n");
	svg_frame(&tokens, "output tokens per second");
	svg_line(&tokens, "a", svg_tokens);
	svg_frame(&first, "time to the first token, ms: median (brown), 99th percentile (grey)");
	svg_line(&first, "c", svg_ttft_p99);
	svg_line(&first, "b", svg_ttft);
	str_printf(to, "<text x=\"%d\" y=\"%d\" class=\"axis\">requests at a time</text>\n</svg>\n",
		   (LEFT + WIDTH - RIGHT) / 2, first.top + PLOT + 42);
}
