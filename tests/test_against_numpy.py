"""Views, shapes, strides and masks made by Hypothesis, against NumPy."""

import numpy as np
from grid import random, same_bits
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import fastrelu as fr

floats = hnp.arrays(
    np.float64, hnp.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=5), elements=st.floats(-9, 9, width=16)
)


class TestAgainstNumpy:
    @settings(max_examples=120, deadline=None)
    @given(st.data(), floats)
    def test_views(self, data, x):
        view = x[data.draw(hnp.basic_indices(x.shape, allow_ellipsis=True, allow_newaxis=True))] if x.ndim else x
        view = np.asarray(view)
        view = view.transpose(data.draw(st.permutations(range(view.ndim))))
        same_bits(fr.relu(view), np.maximum(view, 0) + 0.0)
        same_bits(fr.leaky_relu(view, negative_slope=0.5), np.where(view > 0, view, view * 0.5)[()])
        np.testing.assert_allclose(fr.softplus(view), np.logaddexp(view, 0), rtol=1e-14)

    @settings(max_examples=120, deadline=None)
    @given(st.data(), hnp.mutually_broadcastable_shapes(num_shapes=3, max_dims=3, max_side=4, min_side=0))
    def test_broadcasting(self, data, shapes):
        grad, x, weight = (random(shape) for shape in shapes.input_shapes)
        same_bits(fr.prelu(x, weight), np.where(x > 0, x, weight * x)[()])
        same_bits(fr.relu.backward(grad, x), np.where(x > 0, grad, 0.0)[()])
        same_bits(fr.leaky_relu.backward(grad, x, 0.5), (grad * np.where(x > 0, 1, 0.5))[()])
        mask = data.draw(hnp.arrays(bool, shapes.result_shape))
        same_bits(np.asarray(fr.relu.backward(grad, x, where=mask)), np.where(mask, np.where(x > 0, grad, 0.0), 0.0))
        grad = random(np.broadcast_shapes(x.shape, weight.shape))
        grad_x, grad_weight = fr.prelu.backward(grad, x, weight)
        assert (np.shape(grad_x), np.shape(grad_weight)) == (x.shape, weight.shape)
        np.testing.assert_allclose(np.sum(grad_weight), np.sum(grad * np.where(x > 0, 0, x)), atol=1e-12)

    @settings(max_examples=60, deadline=None)
    @given(st.data(), hnp.array_shapes(max_dims=3, max_side=6))
    def test_out_of_any_stride(self, data, shape):
        x = random(shape)
        steps = [data.draw(st.sampled_from([-2, -1, 1, 2])) for _ in shape]
        memory = np.full([abs(step) * n for step, n in zip(steps, shape, strict=True)], 5.0)
        out = memory[tuple(slice(None, None, step) for step in steps)]
        assert fr.relu(x, out=out) is out
        same_bits(out, np.maximum(x, 0))
