#include "textflag.h"

// func sumBlocks(first *byte, blocks int) uint64
//
// Each 64-bit lane sums the two halves of its words apart, in 64 bits, which they cannot overflow.
TEXT ·sumBlocks(SB), NOSPLIT, $0-24
	MOVQ first+0(FP), SI
	MOVQ blocks+8(FP), CX
	VPCMPEQD Y7, Y7, Y7
	VPSRLQ $32, Y7, Y7 // the lower halves
	VPXOR Y0, Y0, Y0
	VPXOR Y1, Y1, Y1
	VPXOR Y2, Y2, Y2
	VPXOR Y3, Y3, Y3

next:
	VMOVDQU 0(SI), Y4
	VMOVDQU 32(SI), Y5
	VPAND Y7, Y4, Y6
	VPADDQ Y6, Y0, Y0
	VPSRLQ $32, Y4, Y4
	VPADDQ Y4, Y1, Y1
	VPAND Y7, Y5, Y8
	VPADDQ Y8, Y2, Y2
	VPSRLQ $32, Y5, Y5
	VPADDQ Y5, Y3, Y3
	ADDQ $64, SI
	DECQ CX
	JNZ next

	VPADDQ Y1, Y0, Y0
	VPADDQ Y3, Y2, Y2
	VPADDQ Y2, Y0, Y0
	VEXTRACTI128 $1, Y0, X1
	VPADDQ X1, X0, X0
	VPSRLDQ $8, X0, X1
	VPADDQ X1, X0, X0
	VMOVQ X0, AX
	VZEROUPPER
	MOVQ AX, ret+16(FP)
	RET
