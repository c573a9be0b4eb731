package glimp.model;

/**
 * A transformer in plain loops and double precision, that keeps nothing and shares nothing: what the fast one is compared
 * with. It runs a whole prompt and gives the logits of each position.
 */
final class PlainModel {
    private final TinyModel m;
    private final Config config;

    PlainModel(TinyModel model, Config config) {
        this.m = model;
        this.config = config;
    }

    /** {@code double[tokens][vocabulary]}. */
    double[][] logits(int[] tokens) {
        double[][] x = new double[tokens.length][m.width];
        for (int t = 0; t < tokens.length; t++) {
            for (int i = 0; i < m.width; i++) {
                x[t][i] = m.weight("token_embd.weight")[tokens[t] * m.width + i];
            }
        }
        for (int layer = 0; layer < m.layers; layer++) {
            String name = "blk." + layer + ".";
            addTo(x, attention(name, norm(x, name + "attn_norm.weight")));
            double[][] h = norm(x, name + "ffn_norm.weight");
            addTo(x, m.experts > 0 ? mixture(name, h) : feedForward(h, name + "ffn_gate.weight", name + "ffn_up.weight", name + "ffn_down.weight", 0));
        }
        return product(norm(x, "output_norm.weight"), m.weight("output.weight") == null ? "token_embd.weight" : "output.weight", m.vocabulary, 0);
    }

    private double[][] attention(String name, double[][] h) {
        double[][] q = heads(h, name + "attn_q", m.heads), k = heads(h, name + "attn_k", m.kvHeads);
        double[][] v = withBias(product(h, name + "attn_v.weight", m.kvHeads * m.headWidth, 0), name + "attn_v.bias");
        double[][] out = new double[h.length][m.heads * m.headWidth];
        for (int t = 0; t < h.length; t++) {
            for (int head = 0; head < m.heads; head++) {
                int from = head * m.headWidth, kv = head / (m.heads / m.kvHeads) * m.headWidth;
                double[] weights = new double[t + 1];
                double sum = 0;
                for (int s = 0; s <= t; s++) {
                    double score = 0;
                    for (int i = 0; i < m.headWidth; i++) {
                        score += q[t][from + i] * k[s][kv + i];
                    }
                    weights[s] = Math.exp(score / Math.sqrt(m.headWidth));
                    sum += weights[s];
                }
                for (int s = 0; s <= t; s++) {
                    for (int i = 0; i < m.headWidth; i++) {
                        out[t][from + i] += weights[s] / sum * v[s][kv + i];
                    }
                }
            }
        }
        return withBias(product(out, name + "attn_output.weight", m.width, 0), name + "attn_output.bias");
    }

    /** Queries or keys: with bias, normed head by head, and turned. */
    private double[][] heads(double[][] h, String name, int heads) {
        double[][] x = withBias(product(h, name + ".weight", heads * m.headWidth, 0), name + ".bias");
        float[] norm = m.weight(name + "_norm.weight");
        for (int t = 0; t < x.length; t++) {
            for (int from = 0; from < x[t].length; from += m.headWidth) {
                if (norm != null) {
                    norm(x[t], from, norm);
                }
                turn(x[t], from, t);
            }
        }
        return x;
    }

    private void turn(double[] x, int from, int position) {
        RopeConfig rope = config.rope();
        int half = rope.dimensions() / 2;
        float[] factors = m.weight("rope_freqs.weight");
        for (int i = 0; i < half; i++) {
            int a = from + (rope.interleaved() ? 2 * i : i), b = from + (rope.interleaved() ? 2 * i + 1 : i + half);
            double angle = position * Math.pow(rope.base(), -(double) i / half) / rope.factor() / (factors == null ? 1 : factors[i]);
            double re = x[a], im = x[b];
            x[a] = re * Math.cos(angle) - im * Math.sin(angle);
            x[b] = re * Math.sin(angle) + im * Math.cos(angle);
        }
    }

    /** All experts' scores become probabilities; the chosen ones' are brought to sum 1 again. */
    private double[][] mixture(String name, double[][] h) {
        double[][] scores = product(h, name + "ffn_gate_inp.weight", m.experts, 0);
        double[][] out = new double[h.length][m.width];
        for (int t = 0; t < h.length; t++) {
            double all = 0, chosen = 0;
            double[] p = new double[m.experts];
            for (int e = 0; e < m.experts; e++) {
                p[e] = Math.exp(scores[t][e]);
                all += p[e];
            }
            boolean[] taken = new boolean[m.experts];
            for (int i = 0; i < m.expertsUsed; i++) {
                int best = -1;
                for (int e = 0; e < m.experts; e++) {
                    best = !taken[e] && (best < 0 || p[e] > p[best]) ? e : best;
                }
                taken[best] = true;
                chosen += p[best] / all;
            }
            for (int e = 0; e < m.experts; e++) {
                if (taken[e]) {
                    double[] y = feedForward(new double[][] {h[t]}, name + "ffn_gate_exps.weight", name + "ffn_up_exps.weight",
                            name + "ffn_down_exps.weight", e)[0];
                    for (int i = 0; i < m.width; i++) {
                        out[t][i] += p[e] / all / chosen * y[i];
                    }
                }
            }
        }
        return out;
    }

    private double[][] feedForward(double[][] h, String gate, String up, String down, int expert) {
        double[][] g = product(h, gate, m.hidden, expert), u = product(h, up, m.hidden, expert);
        for (int t = 0; t < h.length; t++) {
            for (int i = 0; i < m.hidden; i++) {
                g[t][i] = g[t][i] / (1 + Math.exp(-g[t][i])) * u[t][i];
            }
        }
        return product(g, down, m.width, expert);
    }

    private double[][] product(double[][] x, String matrix, int rows, int number) {
        float[] w = m.weight(matrix);
        int cols = x[0].length;
        double[][] y = new double[x.length][rows];
        for (int t = 0; t < x.length; t++) {
            for (int r = 0; r < rows; r++) {
                for (int c = 0; c < cols; c++) {
                    y[t][r] += (double) w[(number * rows + r) * cols + c] * x[t][c];
                }
            }
        }
        return y;
    }

    private double[][] norm(double[][] x, String weight) {
        double[][] y = new double[x.length][];
        for (int t = 0; t < x.length; t++) {
            y[t] = x[t].clone();
            norm(y[t], 0, m.weight(weight));
        }
        return y;
    }

    private void norm(double[] x, int from, float[] weight) {
        double sum = 0;
        for (int i = 0; i < weight.length; i++) {
            sum += x[from + i] * x[from + i];
        }
        for (int i = 0; i < weight.length; i++) {
            x[from + i] *= weight[i] / Math.sqrt(sum / weight.length + config.epsilon());
        }
    }

    private double[][] withBias(double[][] x, String name) {
        float[] bias = m.weight(name);
        for (int t = 0; bias != null && t < x.length; t++) {
            for (int i = 0; i < bias.length; i++) {
                x[t][i] += bias[i];
            }
        }
        return x;
    }

    private static void addTo(double[][] x, double[][] y) {
        for (int t = 0; t < x.length; t++) {
            for (int i = 0; i < x[t].length; i++) {
                x[t][i] += y[t][i];
            }
        }
    }
}
