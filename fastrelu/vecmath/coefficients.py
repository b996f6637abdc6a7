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

# greatest weighted error 1.57e-19
EXP_64 = (
    np.float64(0.5),
    np.float64(0.1666666666666668),
    np.float64(0.04166666666666641),
    np.float64(0.00833333333331924),
    np.float64(0.0013888888889036133),
    np.float64(0.0001984126989195742),
    np.float64(2.480158701857475e-05),
    np.float64(2.755723857565052e-06),
    np.float64(2.755753294958387e-07),
    np.float64(2.5110938298442033e-08),
    np.float64(2.083633067485504e-09),
)

# greatest weighted error 1.57e-09
EXP2R_32 = (
    np.float32(0.9999999),
    np.float32(0.66666085),
    np.float32(0.3333462),
    np.float32(0.13389902),
    np.float32(0.04422472),
)

# greatest weighted error 1.9e-18
EXP2R_64 = (
    np.float64(1.0000000000000022),
    np.float64(0.6666666666666581),
    np.float64(0.333333333332205),
    np.float64(0.13333333333543526),
    np.float64(0.04444444462343348),
    np.float64(0.012698412528843146),
    np.float64(0.0031745909668633183),
    np.float64(0.0007054725729328457),
    np.float64(0.00014146885558320501),
    np.float64(2.5620769580863708e-05),
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

# greatest weighted error 1.31e-07
LOG1P_32 = (
    np.float32(-0.49999988),
    np.float32(0.33333325),
    np.float32(-0.25001624),
    np.float32(0.2000208),
    np.float32(-0.16607854),
    np.float32(0.14177512),
    np.float32(-0.13158904),
    np.float32(0.12863249),
    np.float32(-0.0802387),
)

# greatest weighted error 1.81e-18
ATANH_64 = (
    np.float64(0.6666666666666734),
    np.float64(0.39999999999417063),
    np.float64(0.28571428741886884),
    np.float64(0.22222198622334285),
    np.float64(0.18183562975451692),
    np.float64(0.1531402285711343),
    np.float64(0.14797108149767546),
)
