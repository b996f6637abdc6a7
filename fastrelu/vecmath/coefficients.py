"""Coefficients, made by python -m fastrelu.vecmath.derive --write: do not edit."""

import numpy as np

LN2_32 = (np.float32(0.69314575), np.float32(1.4286068e-06))

LN2_64 = (np.float64(0.6931471805598903), np.float64(5.497923018708371e-14))

# greatest weighted error 3.14e-09
EXP_32 = (
    np.float32(0.49999994),
    np.float32(0.16666521),
    np.float32(0.041668274),
    np.float32(0.008368683),
    np.float32(0.0013820059),
)

# greatest weighted error 6.21e-20
EXP_64 = (
    np.float64(0.5),
    np.float64(0.1666666666666668),
    np.float64(0.04166666666666641),
    np.float64(0.00833333333331924),
    np.float64(0.0013888888889036133),
    np.float64(0.0001984126989195613),
    np.float64(2.4801587018614678e-05),
    np.float64(2.7557238578347893e-06),
    np.float64(2.7557532627567907e-07),
    np.float64(2.511092121294486e-08),
    np.float64(2.083642393006261e-09),
)

# greatest weighted error 1.57e-09
EXP2R_32 = (
    np.float32(0.9999999),
    np.float32(0.66666085),
    np.float32(0.3333462),
    np.float32(0.13389893),
    np.float32(0.044224188),
)

# greatest weighted error 1.85e-18
EXP2R_64 = (
    np.float64(1.0000000000000022),
    np.float64(0.6666666666666581),
    np.float64(0.3333333333322245),
    np.float64(0.13333333333562708),
    np.float64(0.0444444446207871),
    np.float64(0.012698412502819343),
    np.float64(0.0031745910781240754),
    np.float64(0.0007054736807550903),
    np.float64(0.00014146736763363493),
    np.float64(2.5605658189971248e-05),
)

# greatest weighted error 1.66e-09
TANH_32 = (
    np.float32(0.15625),
    np.float32(-0.2639506),
    np.float32(-0.012227658),
)
TANH_32_Q = (
    np.float32(0.44404948),
    np.float32(0.015715733),
)

# greatest weighted error 9.78e-19
TANH_64 = (
    np.float64(0.15625),
    np.float64(-0.2608156054053081),
    np.float64(-0.0175487252726969),
    np.float64(-0.0002016449932112991),
)
TANH_64_Q = (
    np.float64(0.4641134587393609),
    np.float64(0.024463536898720075),
    np.float64(0.0002516913665319144),
    np.float64(-2.126346579463744e-08),
)

# greatest weighted error 4.93e-09
LOG1P_32 = (
    np.float32(-0.5),
    np.float32(0.3333345),
    np.float32(-0.2500011),
    np.float32(0.19990848),
    np.float32(-0.16646877),
    np.float32(0.14477625),
    np.float32(-0.13163953),
    np.float32(0.10472625),
    np.float32(-0.04515297),
)

# greatest weighted error 1.37e-19
ATANH_64 = (
    np.float64(0.666666666666666),
    np.float64(0.4000000000005666),
    np.float64(0.2857142855583205),
    np.float64(0.22222224296097262),
    np.float64(0.18181665893766477),
    np.float64(0.15391111478603894),
    np.float64(0.1317360578466852),
    np.float64(0.1384299954193852),
)
