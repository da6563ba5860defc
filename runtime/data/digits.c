// (seed, index) to one labelled image: strokes of a digit, bent, tilted, thinned, and spoilt by
// stray strokes, uneven light and noise.
//
// Random numbers are drawn one a statement: C leaves the order of calls within an expression open.
#include "runtime/data/digits.h"

#include <assert.h>
#include <float.h>
#include <math.h>

#include "lang/base/rng.h"

// Doubles must be computed as doubles, or machines would differ (the build also forbids fusing).
static_assert(FLT_EVAL_METHOD == 0, "digits need strict IEEE evaluation");

enum { SIDE = NCR_DIGITS_SIDE, AREA = SIDE * SIDE, MAX_POINTS = 12, SPANS = 5 };

enum form { LINE, CURVE, LOOP };

static const struct stroke {
    uint8_t digit, variant;
    enum form form;
    uint8_t n;
    int8_t xy[2 * MAX_POINTS];
} strokes[] = {
#define STROKE(digit, variant, form, ...)                                                          \
    {digit, variant, form, sizeof((const int8_t[]){__VA_ARGS__}) / 2, {__VA_ARGS__}},
#include "runtime/data/strokes.def"
#undef STROKE
};

struct point {
    double x, y;
};

// One image being made.
struct canvas {
    struct ncr_rng rng;
    double ink[AREA]; // 0 paper to 1 full ink
    // From the digit's box, centred and scaled to [-1, 1]², to pixels.
    double xx, xy, yx, yy, dx, dy, bend_x, bend_y;
    double radius, strength;
};

static double between(struct ncr_rng *rng, double lo, double hi)
{
    return lo + (hi - lo) * ncr_rng_f64(rng);
}

// As `between`, but the middle is more likely: the mean of two draws.
static double around(struct ncr_rng *rng, double reach)
{
    double a = ncr_rng_f64(rng);
    double b = ncr_rng_f64(rng);
    return reach * (a + b - 1);
}

// Inks the pixels near a segment: full within radius, fading over one pixel (an antialiased edge).
static void draw_segment(struct canvas *c, struct point a, struct point b)
{
    double reach = c->radius + 0.5;
    double left = (a.x < b.x ? a.x : b.x) - reach, right = (a.x < b.x ? b.x : a.x) + reach;
    double top = (a.y < b.y ? a.y : b.y) - reach, bottom = (a.y < b.y ? b.y : a.y) + reach;
    if (right < 0 || bottom < 0 || left > SIDE - 1 || top > SIDE - 1) return;
    int x0 = left < 0 ? 0 : (int)left, x1 = right > SIDE - 1 ? SIDE - 1 : (int)right;
    int y0 = top < 0 ? 0 : (int)top, y1 = bottom > SIDE - 1 ? SIDE - 1 : (int)bottom;
    double ux = b.x - a.x, uy = b.y - a.y, length2 = ux * ux + uy * uy;
    double inverse = length2 > 0 ? 1 / length2 : 0;
    for (int y = y0; y <= y1; y++)
        for (int x = x0; x <= x1; x++) {
            double px = x - a.x, py = y - a.y;
            double t = (px * ux + py * uy) * inverse;
            t = t < 0 ? 0 : t > 1 ? 1 : t;
            double ex = px - t * ux, ey = py - t * uy, d2 = ex * ex + ey * ey;
            if (d2 >= reach * reach) continue;
            double ink = reach - sqrt(d2);
            ink = c->strength * (ink > 1 ? 1 : ink);
            double *at = &c->ink[y * SIDE + x];
            if (ink > *at) *at = ink;
        }
}

// Box coordinates in [-1, 1]² to pixels: a bow along each axis, then the affine map.
static struct point place(const struct canvas *c, struct point p)
{
    double x = p.x + c->bend_x * (p.y * p.y - 0.4), y = p.y + c->bend_y * (p.x * p.x - 0.4);
    return (struct point){c->xx * x + c->xy * y + c->dx, c->yx * x + c->yy * y + c->dy};
}

// Catmull and Rom's cubic between b and c; a and d are their neighbours.
static struct point spline(struct point a, struct point b, struct point c, struct point d, double t)
{
    double t2 = t * t, t3 = t2 * t;
    double wa = (-t + 2 * t2 - t3) / 2, wb = (2 - 5 * t2 + 3 * t3) / 2;
    double wc = (t + 4 * t2 - 3 * t3) / 2, wd = (t3 - t2) / 2;
    return (struct point){wa * a.x + wb * b.x + wc * c.x + wd * d.x,
                          wa * a.y + wb * b.y + wc * c.y + wd * d.y};
}

static void draw_stroke(struct canvas *c, const struct stroke *stroke, double jitter)
{
    struct point p[MAX_POINTS];
    int n = stroke->n;
    for (int i = 0; i < n; i++) {
        p[i].x = stroke->xy[2 * i] / 50.0 - 1;
        p[i].y = stroke->xy[2 * i + 1] / 50.0 - 1;
        double x = around(&c->rng, jitter);
        double y = around(&c->rng, jitter);
        p[i].x += x;
        p[i].y += y;
    }
    bool loop = stroke->form == LOOP;
    for (int i = 0; i < n - !loop; i++) {
        struct point from = p[i], to = p[(i + 1) % n];
        if (stroke->form == LINE) { // bowed by `place`, so in pieces too
            for (int s = 0; s < SPANS; s++) {
                double t0 = (double)s / SPANS, t1 = (double)(s + 1) / SPANS;
                struct point a = {from.x + t0 * (to.x - from.x), from.y + t0 * (to.y - from.y)};
                struct point b = {from.x + t1 * (to.x - from.x), from.y + t1 * (to.y - from.y)};
                draw_segment(c, place(c, a), place(c, b));
            }
            continue;
        }
        struct point before = loop || i > 0 ? p[(i + n - 1) % n] : from;
        struct point after = loop || i + 2 < n ? p[(i + 2) % n] : to;
        struct point last = place(c, from);
        for (int s = 1; s <= SPANS; s++) {
            struct point next = place(c, spline(before, from, to, after, (double)s / SPANS));
            draw_segment(c, last, next);
            last = next;
        }
    }
}

// Tilt, slant, size, place and bow of the whole digit.
static void choose_warp(struct canvas *c)
{
    struct ncr_rng *rng = &c->rng;
    // A rotation from the half angle's tangent t: cos = (1 - t²) / (1 + t²), sin = 2t / (1 + t²).
    double t = around(rng, 0.24); // up to 27 degrees
    double cosine = (1 - t * t) / (1 + t * t), sine = 2 * t / (1 + t * t);
    double slant = around(rng, 0.45);
    double height = between(rng, 7.5, 10.5); // half of it, pixels
    double width = height * between(rng, 0.55, 1.05);
    c->xx = cosine * width;
    c->xy = (cosine * slant - sine) * height;
    c->yx = sine * width;
    c->yy = (sine * slant + cosine) * height;
    c->dx = (SIDE - 1) / 2.0 + around(rng, 2.5);
    c->dy = (SIDE - 1) / 2.0 + around(rng, 2.5);
    c->bend_x = around(rng, 0.25);
    c->bend_y = around(rng, 0.25);
}

static void draw_digit(struct canvas *c, uint32_t digit)
{
    uint32_t n_variants = 0;
    for (size_t i = 0; i < NCR_COUNT(strokes); i++)
        if (strokes[i].digit == digit && strokes[i].variant >= n_variants)
            n_variants = strokes[i].variant + 1u;
    uint64_t variant = ncr_rng_below(&c->rng, n_variants);
    choose_warp(c);
    c->radius = between(&c->rng, 0.8, 1.8);
    c->strength = 1;
    for (size_t i = 0; i < NCR_COUNT(strokes); i++)
        if (strokes[i].digit == digit && strokes[i].variant == variant)
            draw_stroke(c, &strokes[i], 0.12);
}

// Up to two faint scratches anywhere.
static void draw_scratches(struct canvas *c)
{
    struct ncr_rng *rng = &c->rng;
    uint64_t n = ncr_rng_below(rng, 3);
    for (uint64_t i = 0; i < n; i++) {
        struct point a, b;
        a.x = between(rng, 0, SIDE - 1);
        a.y = between(rng, 0, SIDE - 1);
        b.x = a.x + around(rng, 10);
        b.y = a.y + around(rng, 10);
        c->radius = between(rng, 0.3, 0.9);
        c->strength = between(rng, 0.2, 0.6);
        draw_segment(c, a, b);
    }
}

// Ink to grey bytes under uneven light with noise of a strength of its own.
static void expose(struct canvas *c, uint8_t *pixels)
{
    struct ncr_rng *rng = &c->rng;
    double paper = between(rng, 0, 20), ink = between(rng, 170, 255);
    double light_x = around(rng, 1.2), light_y = around(rng, 1.2);
    double noise = between(rng, 4, 20);
    for (int i = 0; i < AREA; i++) {
        double light = light_x * (i % SIDE - SIDE / 2) + light_y * (i / SIDE - SIDE / 2);
        // The sum of four uniform bytes: bell-shaped, mean 510, variance 4 · (256² - 1) / 12.
        uint32_t r = ncr_rng_u32(rng);
        double bell = (double)((r & 255) + (r >> 8 & 255) + (r >> 16 & 255) + (r >> 24)) - 510;
        double v = paper + light + (ink - paper) * c->ink[i] + noise * bell / 147.8;
        pixels[i] = v <= 0 ? 0 : v >= 255 ? 255 : (uint8_t)(v + 0.5);
    }
}

enum ncr_status ncr_digits_draw(uint64_t seed, uint64_t first, uint64_t n, struct ncr_images *out,
                                struct ncr_error *err)
{
    static const struct ncr_shape shape = {3, {1, SIDE, SIDE}};
    enum ncr_status status = ncr_images_new("digits", n, &shape, out, err);
    for (uint64_t i = 0; i < n && status == NCR_OK; i++) {
        struct canvas c = {.rng = ncr_rng_at(seed, NCR_RNG_DIGITS, first + i)};
        uint32_t digit = (uint32_t)ncr_rng_below(&c.rng, NCR_DIGITS_CLASSES);
        draw_digit(&c, digit);
        draw_scratches(&c);
        expose(&c, out->pixels + (size_t)i * AREA);
        out->labels[i] = (uint8_t)digit;
    }
    return status;
}
