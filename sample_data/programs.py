"""Genes of the human cerebral cortex as programs: which genes act together, where, and how abundantly.

Layer markers follow Maynard et al. 2021 (Nat Neurosci 24:425) and the textbook markers of the cell types. Levels
are round numbers, of the size that a 10x Visium section of this tissue shows; they are not fitted to any section.
"""

from dataclasses import dataclass

LAYERS = ("L1", "L2", "L3", "L4", "L5", "L6", "WM")
"""Cortical layers from the surface of the brain inwards, and the white matter under them."""

DEPTH_OF_LAYER = (0.4, 1.15, 1.25, 1.15, 1.1, 0.8, 0.8)
"""Counts of a spot in each layer, relative to the section: layer 1 holds few cell bodies."""


@dataclass(frozen=True, kw_only=True)
class Program:
    """Genes that act together.

    Parameters
    ----------
    name : str
        What the genes do or mark.
    abundance : float
        Median over its genes of the counts in 10,000, averaged over a section, > 0.
    profile : (7,) floats
        Fold over that average in each of ``LAYERS``, > 0.
    genes : str
        Symbols between spaces, from the most to the least abundant.
    hot_spots : bool
        True for a cell type that gathers in small places.
    """

    name: str
    abundance: float
    profile: tuple[float, ...]
    genes: str
    hot_spots: bool = False

    @property
    def symbols(self) -> tuple[str, ...]:
        """The gene symbols, in order."""
        return tuple(self.genes.split())


PROGRAMS = (
    Program(
        name="myelin",
        abundance=3.5,
        profile=(0.3, 0.2, 0.25, 0.3, 0.45, 1.1, 4.2),
        genes="""MBP PLP1 PTGDS CRYAB CNP SCD TF MOBP CLDND1 SEPT4 PPP1R14A RNASE1 SPP1 MAG PAQR6 SELENOP CLDN11 ERMN
        BCAS1 ENPP2 MAL NDRG1 SLC44A1 CARNS1 CD9 OPALIN PLLP TMEM144 MOG CERCAM NKX6-2 MYRF HAPLN2 PLEKHH1 LPAR1 GPR37
        UGT8 KLK6 ANLN CMTM5 SOX10 FA2H EVI2A TMEM63A ERBB3 GJB1 TMEM125 SLCO1A2 ASPA ST18 CDH19""",
    ),
    Program(
        name="oligodendrocyte lineage",
        abundance=7.0,
        profile=(0.7, 0.55, 0.55, 0.6, 0.65, 1.1, 2.7),
        genes="""TUBA1A APLP1 GPM6B QDPR FEZ1 CSRP1 SIRT2 ABCA2 BIN1 EDIL3 OLIG1 CNTN2 LAMP2 AMER2 SLAIN1 OLIG2""",
    ),
    Program(
        name="fibrous astrocyte",
        abundance=3.0,
        profile=(1.5, 0.5, 0.35, 0.3, 0.45, 1.05, 3.2),
        genes="GFAP S100B AGT MT1X HEPACAM ID3 CD44",
    ),
    Program(
        name="protoplasmic astrocyte",
        abundance=3.5,
        profile=(1.9, 1.15, 0.9, 0.75, 0.85, 1.05, 0.85),
        genes="""SPARCL1 SLC1A2 CPE HOPX ATP1B2 AQP4 GJA1 PTN PTPRZ1 FGFR3 IGFBP2 SOX2 F3 SOX9 ACSBG1 PLTP ID4 S1PR1""",
    ),
    Program(
        name="layer 1",
        abundance=1.2,
        profile=(3.6, 1.7, 0.75, 0.6, 0.5, 0.45, 0.5),
        genes="MGP SPARC VIM CXCL14 MT1G FABP7 SERPINF1 RELN FBLN1 MSX1 OMD NDNF",
    ),
    Program(
        name="layer 2",
        abundance=1.1,
        profile=(1.5, 2.8, 1.3, 0.6, 0.5, 0.6, 0.35),
        genes="HPCAL1 SERPINE2 RASGRF2 CNR1 GNAL LAMP5 LINC00507 CALB2 C1QL2 PENK LTK PDGFD",
    ),
    Program(
        name="layers 2 and 3",
        abundance=2.0,
        profile=(1.1, 1.7, 1.65, 0.8, 0.5, 0.55, 0.25),
        genes="ENC1 CAMK2N1 C1QTNF4 MFGE8 CARTPT PCDH8 CALB1 CUX2 COL5A2 ADCYAP1 ACVR1C FREM3",
    ),
    Program(
        name="layer 4",
        abundance=2.5,
        profile=(0.8, 0.55, 1.15, 2.3, 1.35, 0.6, 0.3),
        genes="NEFL NEFM INA SCN1B CRYM NEFH PVALB PARM1 VAMP1 RORB NEUROD6 SYT2 MET",
    ),
    Program(
        name="layer 5",
        abundance=0.9,
        profile=(0.6, 0.55, 0.65, 1.2, 2.6, 0.8, 0.4),
        genes="PCP4 SMYD2 SCN4B PDE1A ETV1 FEZF2 BCL11B TRABD2A TSHZ2 HTR2C",
    ),
    Program(
        name="layer 6",
        abundance=0.9,
        profile=(0.55, 0.45, 0.4, 0.5, 1.1, 2.5, 0.9),
        genes="""DIRAS2 TBR1 KRT17 CPB1 NTNG2 TLE4 HS3ST4 CTGF RXFP1 ISLR SEMA3E NXPH3 ADRA2A NR4A2 FOXP2 THEMIS SMIM32
        NXPH4 SEMA3D""",
    ),
    Program(
        name="neuron, abundant",
        abundance=26.0,
        profile=(0.9, 1.0, 1.1, 1.15, 1.15, 1.0, 0.45),
        genes="""NRGN SNAP25 CALM1 TUBA1B CALM2 GNAS VSNL1 YWHAH CCK OLFM1 ATP1B1 UCHL1 RTN1 RTN3 CALM3 MAP1B STMN1
        CHN1 HSPA8 THY1 TUBB2A SYT1 YWHAZ YWHAG PKM SLC17A7 DNM1 CLSTN1 BASP1 TSPAN7 SNRPN EEF1A2 STXBP1 PRNP TMEM59L
        SNCB ENO2 STMN2 BEX1 SERPINI1 NDRG4 YWHAB VAMP2 SYP GNG3 GAP43 ATP1A3 STMN3 LMO4""",
    ),
    Program(
        name="neuron",
        abundance=7.0,
        profile=(0.9, 1.0, 1.1, 1.15, 1.15, 1.0, 0.45),
        genes="""GRIN1 PPP3CA PHYHIP RGS4 RAB3A SYN1 TAGLN3 NAPB LY6H ATP6V1E1 NSF RAB6B SCG5 PRKCB SNCA CHGA TUBA4A
        CAMK2B CAMK2A SEZ6L2 SNCG MOAP1 SYN2 BEX2 NPTXR GABRA1 MEF2C MLLT11 PNMA2 CPLX1 NCALD SCN3B NELL2 VDAC1 SV2A
        HPCA SLC12A5 GRIA2 SLC25A4 PAK1 CNTN1 SYNGR1 ATP6V1B2 SYT4 CHGB SV2B STX1A MAP2K1 FBXW7 VGF SYNGR3 CDK5R1
        SULT4A1 PNMA1 SH3GL2 NRN1 GABRB2 CAP2 SCN2A CLSTN3 SCG2 GABRG2 KIF3A PPP3R1 PRKCG DYNC1I1 PTK2B NAP1L5 SYNPR
        NEUROD2 ELAVL4 GRIA3 CCND2 CDH13 GRIN2B GRIA1 SATB2 RASGRP1 NPTX1 NPTX2 RGS7 CNTNAP1 OLFM3 TUBB3 KCNA1""",
    ),
    Program(
        name="inhibitory neuron",
        abundance=1.0,
        profile=(1.15, 1.4, 1.1, 1.3, 1.0, 0.8, 0.4),
        genes="""SLC6A1 NPY SST GAD1 GAD2 TAC1 SLC32A1 ERBB4 VIP CRHBP RAB3B CRH ADARB2 KIT GRIK1 CORT LHX6 TAC3 KCNIP1
        DLX1 SOX6 DLX5""",
        hot_spots=True,
    ),
    Program(
        name="vessel",
        abundance=1.0,
        profile=(2.4, 0.95, 0.8, 0.8, 0.75, 0.85, 1.1),
        genes="""ADIRF EGFL7 RGS5 SLC2A1 CLDN5 COL1A2 ITM2A MYL9 DCN TAGLN COL3A1 CALD1 VWF NOTCH3 TPM2 ACTA2 PDGFRB
        ESAM FLT1 MFSD2A COL4A2 ABCG2 COL4A1 TM4SF1 CAV1 IFITM1 ABCB1 LAMA2""",
        hot_spots=True,
    ),
    Program(
        name="blood",
        abundance=3.5,
        profile=(1.8, 1.0, 0.75, 0.75, 0.65, 1.2, 1.2),
        genes="HBB HBA2 HBA1",
        hot_spots=True,
    ),
    Program(
        name="microglia",
        abundance=0.5,
        profile=(1.8, 0.7, 0.75, 0.7, 0.7, 1.1, 1.7),
        genes="CD74 C3 HLA-DRA C1QA CSF1R C1QC SRGN CX3CR1 FCER1G TREM2 FCGBP GPR34 LY86 PTPRC ITGAM CD163 VSIG4",
        hot_spots=True,
    ),
    Program(
        name="activity",
        abundance=1.2,
        profile=(1.1, 1.1, 1.0, 0.9, 0.85, 1.0, 1.1),
        genes="JUN JUNB EGR3 EGR1 HOMER1 NR4A1 FOS DUSP6 BTG2 BDNF EGR4 FOSB NPAS4",
        hot_spots=True,
    ),
    Program(
        name="respiration and glycolysis",
        abundance=11.0,
        profile=(0.95, 0.95, 1.1, 1.2, 1.1, 0.95, 0.65),
        genes="""CKB NDUFA4 COX6C TPI1 ATP5F1B MDH1 PGAM1 LDHB COX7A2 COX6B1 UQCRH ATP5F1A PRDX2 ATP5MC3 COX7B CHCHD10
        PGK1 NDUFC2 LDHA COX5A GOT1 CYCS MIF GLUD1 ISCU UQCRC2 VDAC3 PFKM SUCLA2 SDHB IDH3A PDHA1 CKMT1B IMMT""",
    ),
    Program(
        name="housekeeping",
        abundance=6.0,
        profile=(0.95, 1.0, 1.05, 1.05, 1.05, 1.0, 0.85),
        genes="""GAPDH ACTB TMSB10 ITM2B PPIA HSP90AA1 HSP90AB1 RTN4 APP NORAD ARPP19 HINT1 EIF4A2 TSC22D1 AP2M1 SPTBN1
        SARAF KLC1 TSPYL1 PLD3 NDFIP1 PIN1 TUBB MGST3 PFN2 SPTAN1 ATP2A2 CLTC PREPL GHITM DSTN APLP2 TUBB4B LGALS1
        PRKACB SNX3 GABARAPL1 SUMO2 PCMT1 MORF4L2 PJA2 TOLLIP GRINA OCIAD1 ZFAND5 ATP6AP2 FKBP1A PAFAH1B1 NCKAP1 BNIP3
        PPP2CA MYL12B H2AFZ HSPH1 DHCR24 CTNNB1 SEC61G NCL CTBP1 VPS35 HSPA9 ATP6V1H RHEB KIFAP3 DDX3X EIF5A HNRNPH1
        PIK3R1 SORL1 MRPL33 ARL8B HPRT1 CAPZA2 EWSR1 XBP1 CISD1 SRPK2 PSIP1 SUMO1 NARS SF3B6 ARPC1A HNRNPH2 YARS AKR1B1
        EIF4G3 PSMC1 DDX1 OLA1 ANXA7 MEF2D RAD23B CAB39 ARF5 NCOR1 TOMM22 PRPF19 RBFOX2 SAFB TMED2 RBBP4 DNAJA2 CAND1
        SOD2 NUTF2 EIF4E RANBP1 HSPA4 CSNK1E TARDBP NMT1 CCT8 GSK3B ADIPOR1 BRD4 GARS AP3M2 SNRPC RBM25 CERS6 HYOU1
        PFDN4 CPSF6 HNRNPL PRKDC IARS CLK1 FXR1 RBM3 TOMM70 DNAJB1 RBM5 ABI1 VPS4B KPNA1""",
    ),
)
"""All programs; markers first, so that a smaller panel keeps them."""

N_GENES = sum(len(program.symbols) for program in PROGRAMS)
"""Genes of all programs together; every symbol occurs once."""
