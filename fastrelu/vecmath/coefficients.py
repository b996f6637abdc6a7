"""Coefficients, made by python -m fastrelu.vecmath.derive --write: do not edit."""

import numpy as np

TWO_OVER_PI = int(
    "a2f9836e4e441529fc2757d1f534ddc0db6295993c439041fe5163abdebbc561b7246e3a424dd2e0"
    "06492eea09d1921cfe1deb1cb129a73ee88235f52ebb4484e99c7026b45f7e413991d639835339f4"
    "9c845f8bbdf9283b1ff897ffde05980fef2f118b5a0a6d1f6d367ecf27cb09b74f463f669e5fea2d"
    "7527bac7ebe5f17b3d0739f78a5292ea6bfb5fb11f8d5d0856033046fc7b6babf0cfbc209af4361d",
    16,
)

LN2_32 = (np.float32(0.69314575), np.float32(1.4286068e-06))

LN2_64 = (np.float64(0.6931471805598903), np.float64(5.497923018708371e-14))

SILU_ZERO_32 = (np.float32(1.2784646), np.float32(-1.29792825e-08))

SILU_ZERO_64 = (np.float64(1.2784645427610737), np.float64(1.0946994183093437e-16))

SILU_ZERO_EXP_32 = (np.float32(0.27846456), np.float32(-1.29792825e-08))

SILU_ZERO_EXP_64 = (np.float64(0.2784645427610738), np.float64(-1.5523606315812798e-18))

SELU_SCALE_32 = (np.float32(1.050701), np.float32(-3.4792652e-08))

SELU_SCALE_64 = (np.float64(1.0507009873554805), np.float64(3.987484766715415e-17))

SELU_LEFT_32 = (np.float32(1.7580993), np.float32(2.3296717e-08))

SELU_LEFT_64 = (np.float64(1.7580993408473768), np.float64(1.415351938008446e-17))

ELISH_ZERO_32 = (np.float32(0.8813736), np.float32(2.7490656e-09))

ELISH_ZERO_64 = (np.float64(0.881373587019543), np.float64(-2.250545892825866e-17))

ELISH_ZERO_EXP_32 = (np.float32(0.41421357), np.float32(-5.5990883e-09))

ELISH_ZERO_EXP_64 = (np.float64(0.41421356237309503), np.float64(1.4349369327986523e-17))

HARDELISH_ZERO_32 = (np.float32(0.4428544), np.float32(-3.4470744e-09))

HARDELISH_ZERO_64 = (np.float64(0.4428544010023886), np.float64(-1.4810791653201162e-17))

HARDELISH_ZERO_EXP_32 = (np.float32(0.6422007), np.float32(-4.3294084e-09))

HARDELISH_ZERO_EXP_64 = (np.float64(0.6422007040598738), np.float64(-2.019807908856979e-17))

SILU_EXP_32 = (np.float32(0.27846456), np.float32(-1.29792825e-08))

SILU_EXP_64 = (np.float64(0.2784645427610738), np.float64(-1.5523606315812798e-18))

SILU_POINT_32 = (np.float32(1.2784646), np.float32(-5.958946e-08))

SILU_POINT_64 = (np.float64(1.2784645427610737), np.float64(1.0389522622732797e-16))

GELU_ZERO_32 = (np.float32(0.75179154), np.float32(-1.211445e-08))

GELU_ZERO_64 = (np.float64(0.7517915246935645), np.float64(-1.4956759177009883e-17))

TANH_ZERO_32 = (np.float32(0.75246143), np.float32(-1.1339628e-08))

TANH_ZERO_64 = (np.float64(0.7524614220710163), np.float64(-3.635560509207687e-17))

TWO_C_32 = (np.float32(1.5957031), np.float32(6.59966e-05))

TWO_C_64 = (np.float64(1.5957691073417664), np.float64(1.426396435433791e-08))

SLOPE_CUBIC_32 = (np.float32(0.21406445), np.float32(-2.5408342e-10))

SLOPE_CUBIC_64 = (np.float64(0.21406444881780073), np.float64(1.2025242832367862e-17))

TWO_CK_32 = (np.float32(0.071354814), np.float32(2.3988325e-09))

TWO_CK_64 = (np.float64(0.07135481627260025), np.float64(-6.175149918155315e-19))

LN2_WORDS_32 = (np.float32(0.6931472), np.float32(-1.9046542e-09))

LN2_WORDS_64 = (np.float64(0.6931471805599453), np.float64(2.3190468138462996e-17))

QUICK_32 = (np.float32(1.702), np.float32(-2.193451e-08))

QUICK_64 = (np.float64(1.702), np.float64(4.263256414560601e-17))

TWO_OVER_SQRT_PI_32 = (np.float32(1.1283792), np.float32(-5.8635383e-08))

TWO_OVER_SQRT_PI_64 = (np.float64(1.1283791670955126), np.float64(1.533545961316588e-17))

DENSITY_32 = (np.float32(0.3989423), np.float32(-1.133517e-08))

DENSITY_64 = (np.float64(0.3989422804014327), np.float64(-2.49232720227773e-17))

MISH_ZERO_32 = (np.float32(1.1924312), np.float32(3.0439375e-09))

MISH_ZERO_64 = (np.float64(1.1924312145154952), np.float64(4.8484829848031044e-17))

MISH_ZERO_EXP_32 = (np.float32(0.30348253), np.float32(2.7803082e-09))

MISH_ZERO_EXP_64 = (np.float64(0.3034825352815289), np.float64(1.981117434764409e-17))

MISH_LINEAR_32 = (np.float32(0.2985085), np.float32(-1.0351407e-08))

MISH_LINEAR_64 = (np.float64(0.29850848474098474), np.float64(-4.962745262937847e-18))

MISH_SQUARE_32 = (np.float32(0.11306508), np.float32(1.8732211e-09))

MISH_SQUARE_64 = (np.float64(0.11306508072778206), np.float64(-1.7967198071668888e-18))

MISH_CUBE_32 = (np.float32(0.0069878106), np.float32(-9.825645e-11))

MISH_CUBE_64 = (np.float64(0.0069878105022925345), np.float64(-3.9084897550220903e-19))

TANHEXP_ZERO_32 = (np.float32(-1.07886), np.float32(-1.3985254e-08))

TANHEXP_ZERO_64 = (np.float64(-1.078860058464624), np.float64(-9.55786742622646e-17))

SERF_ZERO_32 = (np.float32(-1.1930599), np.float32(-4.766354e-08))

SERF_ZERO_64 = (np.float64(-1.193059968928188), np.float64(3.096701676302884e-17))

SMISH_ZERO_32 = (np.float32(-1.3945193), np.float32(2.7146541e-08))

SMISH_ZERO_64 = (np.float64(-1.3945193019245041), np.float64(4.458392154467205e-17))

LOGISH_ZERO_32 = (np.float32(-1.3724542), np.float32(2.9386662e-08))

LOGISH_ZERO_64 = (np.float64(-1.3724541370256922), np.float64(7.791774027651745e-17))

PHISH_ZERO_32 = (np.float32(-1.1954312), np.float32(3.106448e-08))

PHISH_ZERO_64 = (np.float64(-1.1954312013879125), np.float64(2.1854420556614362e-17))

TANHEXP_FIRST_32 = (np.float32(0.35250363), np.float32(5.621625e-09))

TANHEXP_FIRST_64 = (np.float64(0.3525036331603062), np.float64(-1.1622739759696725e-17))

SERF_FIRST_32 = (np.float32(0.30150488), np.float32(9.173095e-09))

SERF_FIRST_64 = (np.float64(0.30150488936299114), np.float64(-5.271592503177913e-18))

SMISH_FIRST_32 = (np.float32(0.18142039), np.float32(-7.324343e-09))

SMISH_FIRST_64 = (np.float64(0.18142037851321216), np.float64(1.3302167191995128e-17))

LOGISH_FIRST_32 = (np.float32(0.18341467), np.float32(4.003067e-09))

LOGISH_FIRST_64 = (np.float64(0.18341467184783952), np.float64(7.505537920410613e-18))

PHISH_FIRST_32 = (np.float32(-0.3656367), np.float32(-1.1128931e-08))

PHISH_FIRST_64 = (np.float64(-0.3656367174811648), np.float64(4.475721468774568e-18))

HALF_PI_32 = (np.float32(1.5707964), np.float32(-4.371139e-08))

HALF_PI_64 = (np.float64(1.5707963267948966), np.float64(6.123233995736766e-17))

ROOT_E_2_32 = (np.float32(1.6487212), np.float32(5.2590998e-08))

ROOT_E_2_64 = (np.float64(1.6487212707001282), np.float64(-4.731568479435833e-17))

ROOT_E_4_32 = (np.float32(1.2840254), np.float32(-1.39915795e-08))

ROOT_E_4_64 = (np.float64(1.2840254166877414), np.float64(8.968972781793724e-17))

ROOT_E_6_32 = (np.float32(1.1813604), np.float32(4.890538e-08))

ROOT_E_6_64 = (np.float64(1.181360412865646), np.float64(-1.0091011963601212e-16))

ROOT_E_8_32 = (np.float32(1.1331484), np.float32(2.1288873e-08))

ROOT_E_8_64 = (np.float64(1.1331484530668263), np.float64(-5.370737708558031e-18))

ROOT_E_MINUS_2_32 = (np.float32(0.60653067), np.float32(-6.638685e-09))

ROOT_E_MINUS_2_64 = (np.float64(0.6065306597126334), np.float64(-6.593178415491414e-19))

ROOT_E_MINUS_4_32 = (np.float32(0.7788008), np.float32(-2.4701297e-09))

ROOT_E_MINUS_4_64 = (np.float64(0.7788007830714049), np.float64(-1.0231869534531498e-17))

ROOT_E_MINUS_6_32 = (np.float32(0.84648174), np.float32(-1.5584087e-08))

ROOT_E_MINUS_6_64 = (np.float64(0.8464817248906141), np.float64(-5.488615932082012e-17))

ROOT_E_MINUS_8_32 = (np.float32(0.8824969), np.float32(9.178681e-09))

ROOT_E_MINUS_8_64 = (np.float64(0.8824969025845955), np.float64(-5.224526916735663e-17))

RECIPROCAL_FACTORIAL_3 = (np.float64(0.16666666666666666), np.float64(9.25185853854297e-18))

RECIPROCAL_FACTORIAL_4 = (np.float64(0.041666666666666664), np.float64(2.3129646346357427e-18))

RECIPROCAL_FACTORIAL_5 = (np.float64(0.008333333333333333), np.float64(1.1564823173178714e-19))

RECIPROCAL_FACTORIAL_6 = (np.float64(0.001388888888888889), np.float64(-5.300543954373577e-20))

RECIPROCAL_FACTORIAL_7 = (np.float64(0.0001984126984126984), np.float64(1.7209558293420705e-22))

RECIPROCAL_FACTORIAL_8 = (np.float64(2.48015873015873e-05), np.float64(2.1511947866775882e-23))

RECIPROCAL_FACTORIAL_9 = (np.float64(2.7557319223985893e-06), np.float64(-1.858393274046472e-22))

RECIPROCAL_FACTORIAL_10 = (np.float64(2.755731922398589e-07), np.float64(2.3767714622250297e-23))

RECIPROCAL_FACTORIAL_11 = (np.float64(2.505210838544172e-08), np.float64(-1.448814070935912e-24))

RECIPROCAL_FACTORIAL_12 = (np.float64(2.08767569878681e-09), np.float64(-1.20734505911326e-25))

RECIPROCAL_FACTORIAL_13 = (np.float64(1.6059043836821613e-10), np.float64(1.2585294588752098e-26))

RECIPROCAL_FACTORIAL_14 = (np.float64(1.1470745597729725e-11), np.float64(2.0655512752830745e-28))

RECIPROCAL_FACTORIAL_15 = (np.float64(7.647163731819816e-13), np.float64(7.03872877733453e-30))

RECIPROCAL_FACTORIAL_16 = (np.float64(4.779477332387385e-14), np.float64(4.399205485834081e-31))

RECIPROCAL_FACTORIAL_17 = (np.float64(2.8114572543455206e-15), np.float64(1.6508842730861433e-31))

RECIPROCAL_FACTORIAL_18 = (np.float64(1.5619206968586225e-16), np.float64(1.1910679660273754e-32))

RECIPROCAL_FACTORIAL_19 = (np.float64(8.22063524662433e-18), np.float64(2.2141894119604265e-34))

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

# greatest weighted error 9.91e-11
EXPM1_32 = (
    np.float32(0.5),
    np.float32(0.16666666),
    np.float32(0.041666463),
    np.float32(0.008333571),
    np.float32(0.0013935096),
    np.float32(0.00019739564),
)

# greatest weighted error 2.98e-09
SILU_TAIL_32 = (
    np.float32(0.49999982),
    np.float32(0.16666755),
    np.float32(0.041676965),
    np.float32(0.008327078),
    np.float32(0.0012537861),
)

# greatest weighted error 7.14e-20
SILU_TAIL_64 = (
    np.float64(0.5),
    np.float64(0.1666666666666666),
    np.float64(0.04166666666666772),
    np.float64(0.00833333333334369),
    np.float64(0.0013888888888232889),
    np.float64(0.00019841269785124464),
    np.float64(2.4801588112335848e-05),
    np.float64(2.7557437571804756e-06),
    np.float64(2.755852659387643e-07),
    np.float64(2.4976534339595165e-08),
    np.float64(1.879735580051577e-09),
)

# greatest weighted error 5.22e-11
EXP_SHORT = (
    np.float64(0.5000000068035895),
    np.float64(0.1666666586509325),
    np.float64(0.041666293645161015),
    np.float64(0.008333497592287738),
    np.float64(0.001394475763259972),
    np.float64(0.00019790276362067197),
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

# greatest weighted error 2.35e-09
TANH_32 = (
    np.float32(3.0000007),
    np.float32(1.1999928),
    np.float32(-0.00569185),
    np.float32(0.00022641313),
)

# greatest weighted error 5.37e-19
TANH_64 = (
    np.float64(3.0000000000000004),
    np.float64(1.1999999999999789),
    np.float64(-0.005714285713964439),
    np.float64(0.0002539682516452328),
    np.float64(-1.2203659984071981e-05),
    np.float64(5.987436912382145e-07),
    np.float64(-2.9531523685565375e-08),
    np.float64(1.432596701508298e-09),
    np.float64(-5.7115174839626894e-11),
)

# greatest weighted error 8.39e-10
TANHSHRINK_32 = (
    np.float32(1.1999999),
    np.float32(-0.0057136808),
    np.float32(0.00025239657),
    np.float32(-1.05912995e-05),
)

# greatest weighted error 1.16e-19
TANHSHRINK_64 = (
    np.float64(1.2),
    np.float64(-0.005714285714283948),
    np.float64(0.00025396825394418407),
    np.float64(-1.2203669186167029e-05),
    np.float64(5.987657096177497e-07),
    np.float64(-2.9563755422196003e-08),
    np.float64(1.4608847616977805e-09),
    np.float64(-7.078230405231487e-11),
    np.float64(2.7944356244408217e-12),
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

# greatest weighted error 1.09e-10
ATANH_SHORT = (
    np.float64(0.6666667550030277),
    np.float64(0.39998888334876426),
    np.float64(0.2861659753414158),
    np.float64(0.21430731931739896),
    np.float64(0.24289587677744334),
)

# greatest weighted error 4.56e-09
MILLS_32 = (
    np.float32(-0.054687504),
    np.float32(0.26164892),
    np.float32(0.12574217),
    np.float32(0.017068114),
    np.float32(-0.0037234887),
    np.float32(-0.0014310012),
)
MILLS_32_Q = (
    np.float32(1.7092781),
    np.float32(1.257386),
    np.float32(0.50624985),
    np.float32(0.11422614),
    np.float32(0.012460601),
)

# greatest weighted error 2.01e-18
MILLS_64 = (
    np.float64(-0.0546875),
    np.float64(0.21988025542931994),
    np.float64(0.30915967808980266),
    np.float64(0.187678684613261),
    np.float64(0.06555293742205631),
    np.float64(0.013074422200784088),
    np.float64(0.0007834840198891268),
    np.float64(-0.0003531959958509744),
    np.float64(-0.0001225325221956941),
    np.float64(-1.976205164047984e-05),
    np.float64(-1.785071924126894e-06),
    np.float64(-7.534470238198925e-08),
)
MILLS_64_Q = (
    np.float64(2.473042206842908),
    np.float64(2.8632116200971933),
    np.float64(2.0528832032681064),
    np.float64(1.0153151892870835),
    np.float64(0.36478080496918847),
    np.float64(0.09749348286347354),
    np.float64(0.01946879937923506),
    np.float64(0.0028627121606316073),
    np.float64(0.000297391205652345),
    np.float64(1.9851609948289823e-05),
    np.float64(6.560452037465957e-07),
)

# greatest weighted error 5.56e-09
ERFCX_32 = (
    np.float32(-0.0625),
    np.float32(0.36926666),
    np.float32(0.25675976),
    np.float32(0.053322162),
    np.float32(-0.0128494445),
    np.float32(-0.007695954),
)
ERFCX_32_Q = (
    np.float32(2.4160516),
    np.float32(2.5120988),
    np.float32(1.4293721),
    np.float32(0.45572397),
    np.float32(0.07019712),
)

# greatest weighted error 2.82e-18
ERFCX_64 = (
    np.float64(-0.09375),
    np.float64(0.2824099089771024),
    np.float64(0.6609248061087394),
    np.float64(0.6263942912625075),
    np.float64(0.35220121034227897),
    np.float64(0.12765889054771942),
    np.float64(0.028730840041340792),
    np.float64(0.0028108235333775206),
    np.float64(-0.0004685007924337915),
    np.float64(-0.00021854419277619156),
    np.float64(-3.474852264823824e-05),
    np.float64(-2.3278901738768888e-06),
)
ERFCX_64_Q = (
    np.float64(3.4966290223209553),
    np.float64(5.723761389480765),
    np.float64(5.802203825733346),
    np.float64(4.057131864085922),
    np.float64(2.060754163769986),
    np.float64(0.7786261970243609),
    np.float64(0.21980142296774569),
    np.float64(0.04568554419163244),
    np.float64(0.0067081064555122236),
    np.float64(0.0006328192680372999),
    np.float64(2.9547679655222364e-05),
)

# greatest weighted error 4.64e-09
GELU_SLOPE_32 = (
    np.float32(0.165078),
    np.float32(0.0816656),
    np.float32(-0.0071020876),
    np.float32(-0.01696202),
    np.float32(-0.0054105455),
    np.float32(-0.000635366),
)
GELU_SLOPE_32_Q = (
    np.float32(1.5648308),
    np.float32(1.0405267),
    np.float32(0.37130675),
    np.float32(0.07219916),
    np.float32(0.006287141),
)

# greatest weighted error 1.82e-18
GELU_SLOPE_64 = (
    np.float64(0.19632799513143426),
    np.float64(0.2685865503835611),
    np.float64(0.16516263026058775),
    np.float64(0.05418406367574655),
    np.float64(0.006939723623729342),
    np.float64(-0.0018730012423025157),
    np.float64(-0.001156625914438535),
    np.float64(-0.00028722726265162276),
    np.float64(-4.195637414941583e-05),
    np.float64(-3.590049003903964e-06),
    np.float64(-1.4342379848097197e-07),
)
GELU_SLOPE_64_Q = (
    np.float64(2.2678375488914995),
    np.float64(2.3848947273145664),
    np.float64(1.5348823601979684),
    np.float64(0.6712235842125182),
    np.float64(0.20905389168007743),
    np.float64(0.047137668508677504),
    np.float64(0.007633545571965436),
    np.float64(0.0008548009525662526),
    np.float64(6.025485559822516e-05),
    np.float64(2.054554987697443e-06),
)

# greatest weighted error 1.03e-09
TANH_ROOT_32 = (
    np.float32(0.46065676),
    np.float32(-0.099911526),
    np.float32(0.40044892),
    np.float32(0.07595905),
    np.float32(0.0303976),
    np.float32(0.011328894),
    np.float32(0.0052975803),
)

# greatest weighted error 1.08e-17
TANH_ROOT_64 = (
    np.float64(0.4606567646302394),
    np.float64(-0.09991152322555422),
    np.float64(0.4004476935340992),
    np.float64(0.07595899090765772),
    np.float64(0.03048599055425937),
    np.float64(0.011295232369937834),
    np.float64(0.003690379447873335),
    np.float64(0.0011529345241528992),
    np.float64(0.00035639458034991467),
    np.float64(0.00010306999551773232),
    np.float64(3.102798696034001e-05),
    np.float64(7.6161950695395336e-06),
    np.float64(-2.5695940627369364e-05),
)

# greatest weighted error 1.42e-09
ERF_32 = (
    np.float32(0.12837917),
    np.float32(-0.37612626),
    np.float32(0.11283579),
    np.float32(-0.026853347),
    np.float32(0.005187162),
    np.float32(-0.0007997853),
    np.float32(7.806903e-05),
)

# greatest weighted error 1.11e-17
ERF_64 = (
    np.float64(0.1283791670955126),
    np.float64(-0.37612638903184165),
    np.float64(0.11283791670977777),
    np.float64(-0.026866170650033397),
    np.float64(0.005223977680665711),
    np.float64(-0.0008548330731305599),
    np.float64(0.00012055492967288872),
    np.float64(-1.4930279992590336e-05),
    np.float64(1.6553869932036617e-06),
    np.float64(-1.7614866004116015e-07),
    np.float64(2.62891766637033e-08),
    np.float64(-8.039154852625885e-09),
    np.float64(2.4458233252299434e-09),
    np.float64(-3.6509420625376923e-10),
)

# greatest weighted error 1.45e-10
CUBIC_TAIL_32 = (
    np.float32(-0.13333331),
    np.float32(0.053966865),
    np.float32(-0.02184265),
    np.float32(0.008636682),
    np.float32(-0.0027019659),
)

# greatest weighted error 4.18e-20
CUBIC_TAIL_64 = (
    np.float64(-0.1333333333333333),
    np.float64(0.05396825396824734),
    np.float64(-0.021869488535638595),
    np.float64(0.008863235509809657),
    np.float64(-0.003592127581771659),
    np.float64(0.0014558278968043721),
    np.float64(-0.0005899665132149895),
    np.float64(0.00023874613521560983),
    np.float64(-9.530925953474007e-05),
    np.float64(3.4907840271569836e-05),
    np.float64(-8.677002761602845e-06),
)

# greatest weighted error 5.26e-11
LOGCOSH_32 = (
    np.float32(-0.08333333),
    np.float32(0.022222074),
    np.float32(-0.0067445077),
    np.float32(0.0021793114),
    np.float32(-0.00071705045),
    np.float32(0.00021990805),
    np.float32(-5.2115232e-05),
    np.float32(6.5390536e-06),
)

# greatest weighted error 3.16e-20
LOGCOSH_64 = (
    np.float64(-0.08333333333333333),
    np.float64(0.022222222222221415),
    np.float64(-0.00674603174599209),
    np.float64(0.002186948852692526),
    np.float64(-0.0007386029483696119),
    np.float64(0.00025658046567743256),
    np.float64(-9.098900123203961e-05),
    np.float64(3.277652727349524e-05),
    np.float64(-1.1947709390559034e-05),
    np.float64(4.384597878268599e-06),
    np.float64(-1.5997102561169448e-06),
    np.float64(5.621387126883466e-07),
    np.float64(-1.7853107077984906e-07),
    np.float64(4.6218454269943024e-08),
    np.float64(-8.312543572201692e-09),
    np.float64(7.523051894727266e-10),
)

# greatest weighted error 1.2e-10
SOFTPLUS_NEAR_32 = (
    np.float32(0.125),
    np.float32(-0.0052083125),
    np.float32(0.00034706952),
    np.float32(-2.596294e-05),
    np.float32(1.7130201e-06),
)

# greatest weighted error 1.43e-17
SOFTPLUS_NEAR_64 = (
    np.float64(0.12499999999999817),
    np.float64(-0.005208333333259202),
    np.float64(0.00034722222118833707),
    np.float64(-2.635167942740855e-05),
    np.float64(2.135664733969864e-06),
    np.float64(-1.8025814911797256e-07),
    np.float64(1.55654616756167e-08),
    np.float64(-1.3030831227970644e-09),
    np.float64(8.081423858008982e-11),
)

# greatest weighted error 1.08e-09
SOFTPLUS_FAR_32 = (
    np.float32(-0.66666216),
    np.float32(0.49982828),
    np.float32(-0.39752504),
    np.float32(0.3153701),
    np.float32(-0.21338777),
    np.float32(0.08366739),
)

# greatest weighted error 8.67e-18
SOFTPLUS_FAR_64 = (
    np.float64(-0.6666666666662129),
    np.float64(0.49999999993750166),
    np.float64(-0.39999999656792595),
    np.float64(0.33333323044048296),
    np.float64(-0.2857123622848814),
    np.float64(0.24997590207717837),
    np.float64(-0.2220110021630136),
    np.float64(0.198671100196922),
    np.float64(-0.175732185711209),
    np.float64(0.14626698950827205),
    np.float64(-0.10381365126469531),
    np.float64(0.05311820844279957),
    np.float64(-0.01400142408145819),
)

# greatest weighted error 8.71e-10
TANHEXP_32 = (
    np.float32(0.3252269),
    np.float32(0.107860334),
    np.float32(-0.022873662),
    np.float32(-0.04564746),
    np.float32(-0.025611004),
    np.float32(-0.0054618064),
    np.float32(0.004719308),
)

# greatest weighted error 3.92e-10
SERF_32 = (
    np.float32(0.2316122),
    np.float32(0.04754569),
    np.float32(-0.023335163),
    np.float32(-0.018713119),
    np.float32(-0.0044713966),
    np.float32(0.0008836746),
    np.float32(0.00020507164),
)

# greatest weighted error 9.94e-11
SMISH_32 = (
    np.float32(0.10463359),
    np.float32(-0.0016443799),
    np.float32(-0.017561413),
    np.float32(-0.0037495669),
    np.float32(0.0017001802),
    np.float32(0.00089721597),
    np.float32(8.333881e-05),
)

# greatest weighted error 2.93e-10
LOGISH_32 = (
    np.float32(0.10867929),
    np.float32(0.0031532228),
    np.float32(-0.014994035),
    np.float32(-0.0036798695),
    np.float32(0.0011180533),
    np.float32(0.00064478256),
    np.float32(-0.0004066021),
)

# greatest weighted error 3.81e-10
PHISH_32 = (
    np.float32(-0.17768507),
    np.float32(0.2528681),
    np.float32(0.19250701),
    np.float32(-0.02483783),
    np.float32(-0.044090036),
    np.float32(0.010928217),
    np.float32(0.014230861),
)

# greatest weighted error 4.14e-19
TANHEXP_64 = (
    np.float64(0.3252269138875309),
    np.float64(0.10786032936442347),
    np.float64(-0.022875972060732063),
    np.float64(-0.04564538769356029),
    np.float64(-0.02548770356383645),
    np.float64(-0.005629789947106675),
    np.float64(0.0027715928766972125),
    np.float64(0.0034002728039175313),
    np.float64(0.0016641709038508843),
    np.float64(0.0003023717296958572),
    np.float64(-0.00020195777786124715),
    np.float64(-0.00021355654440057564),
    np.float64(-9.437052922559497e-05),
)

# greatest weighted error 1.55e-19
SERF_64 = (
    np.float64(0.23161220121136644),
    np.float64(0.04754569104272783),
    np.float64(-0.023334206031374923),
    np.float64(-0.018713084036873058),
    np.float64(-0.004524531631545315),
    np.float64(0.000871696064939151),
    np.float64(0.001048148916457948),
    np.float64(0.000332102931975197),
    np.float64(-1.203668913536569e-06),
    np.float64(-4.4607509667915336e-05),
    np.float64(-1.830869214690266e-05),
    np.float64(-1.8091998427618649e-06),
    np.float64(1.1184902965773592e-06),
)

# greatest weighted error 1.61e-20
SMISH_64 = (
    np.float64(0.10463359271556366),
    np.float64(-0.0016443798687677562),
    np.float64(-0.017561552873021562),
    np.float64(-0.003749628182662065),
    np.float64(0.0017076957571475117),
    np.float64(0.000903027892553692),
    np.float64(-3.182395075454993e-05),
    np.float64(-0.00012757340040407932),
    np.float64(-2.423359985979419e-05),
    np.float64(1.1185896455943077e-05),
    np.float64(5.622443003640539e-06),
    np.float64(-1.8926700502918644e-07),
    np.float64(-7.337625431697799e-07),
)

# greatest weighted error 4.68e-19
LOGISH_64 = (
    np.float64(0.1086792851437427),
    np.float64(0.00315322297217942),
    np.float64(-0.014993584924533523),
    np.float64(-0.003679910632844657),
    np.float64(0.0010926871788467921),
    np.float64(0.0006480649192938777),
    np.float64(2.620136911927635e-06),
    np.float64(-6.977770151274857e-05),
    np.float64(-1.3129796824001847e-05),
    np.float64(4.806831608184711e-06),
    np.float64(2.058832378694758e-06),
    np.float64(-1.0203077641501115e-07),
    np.float64(7.57492566068793e-07),
)

# greatest weighted error 3.96e-18
PHISH_64 = (
    np.float64(-0.1776850712428067),
    np.float64(0.2528680835995506),
    np.float64(0.192507810775833),
    np.float64(-0.024839753726124875),
    np.float64(-0.04413474106141494),
    np.float64(0.011101373203213746),
    np.float64(0.015185900192202275),
    np.float64(-0.0033783426425251237),
    np.float64(-0.0066630531816163135),
    np.float64(-0.0006248211729169078),
    np.float64(0.0017673068642638694),
    np.float64(0.0004146134565447299),
    np.float64(-0.0004389219771910469),
)

# greatest weighted error 2.12e-11
SIN_HALF_TURNS = (
    np.float64(3.1415926535231633),
    np.float64(-5.167712762078672),
    np.float64(2.5501632390190343),
    np.float64(-0.5992513142197784),
    np.float64(0.08204639989957312),
    np.float64(-0.007022026975657803),
)

# greatest weighted error 3.75e-18
SIN_64 = (
    np.float64(-0.1666666666666663),
    np.float64(0.008333333333321842),
    np.float64(-0.00019841269829361068),
    np.float64(2.755731353979181e-06),
    np.float64(-2.5050734657066676e-08),
    np.float64(1.5895453268353094e-10),
)

# greatest weighted error 5.79e-20
COS_64 = (
    np.float64(0.041666666666666595),
    np.float64(-0.0013888888888873307),
    np.float64(2.4801587288965264e-05),
    np.float64(-2.7557314203100965e-07),
    np.float64(2.0875703144012547e-09),
    np.float64(-1.135861730680525e-11),
)

# greatest weighted error 1.74e-20
SINC_SLOPE_64 = (
    np.float64(-0.03333333333333333),
    np.float64(0.0011904761904761789),
    np.float64(-2.204585537909011e-05),
    np.float64(2.5052108345654627e-07),
    np.float64(-1.9270844007999863e-09),
    np.float64(1.0705007386130549e-11),
    np.float64(-4.435281214233185e-14),
    np.float64(-1.0297118074923189e-17),
)

# greatest weighted error 7.07e-10
ATAN_32 = (
    np.float32(-0.33333316),
    np.float32(0.19998525),
    np.float32(-0.14244297),
    np.float32(0.105982654),
    np.float32(-0.06087337),
)

# greatest weighted error 6e-20
ATAN_64 = (
    np.float64(-0.33333333333333326),
    np.float64(0.19999999999997098),
    np.float64(-0.14285714285317083),
    np.float64(0.11111111083806402),
    np.float64(-0.09090907988590516),
    np.float64(0.07692279272445603),
    np.float64(-0.06666175847827129),
    np.float64(0.058765286830291856),
    np.float64(-0.05215263612802733),
    np.float64(0.04490909183901295),
    np.float64(-0.03318310284563516),
    np.float64(0.01490210126017902),
)

# greatest weighted error 6.16e-11
ASINH_32 = (
    np.float32(-0.16666666),
    np.float32(0.07499907),
    np.float32(-0.044616096),
    np.float32(0.03003357),
    np.float32(-0.020049585),
    np.float32(0.00925663),
)

# greatest weighted error 3.71e-20
ASINH_64 = (
    np.float64(-0.16666666666666663),
    np.float64(0.07499999999998827),
    np.float64(-0.044642857141556344),
    np.float64(0.030381944371672024),
    np.float64(-0.022372156684021757),
    np.float64(0.017352713102107578),
    np.float64(-0.0139641010706169),
    np.float64(0.011544281736609853),
    np.float64(-0.009707507639146684),
    np.float64(0.00811264286432319),
    np.float64(-0.006303056002115946),
    np.float64(0.0038933787836231792),
    np.float64(-0.0013444891749153035),
)
